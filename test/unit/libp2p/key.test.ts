/**
 * Verifies: a machine keeps its peer key, or fails when the key is lost.
 * Setup: real files in a temporary folder.
 * Fails if: a lost or damaged key is silently replaced by a new identity, other users can read the key, a message is
 * accepted that a library for JWS rejects.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CompactSign, compactVerify, importJWK } from 'jose';
import {
  createPeerKey,
  loadPeerKey,
  verifierWithOwnKey,
  verifySigned,
} from '../../../main/adapters/libp2p/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { JSON_DEPTH_MAX } from '../../../shared/json.ts';

function inFolder(run: (folder: string) => Promise<void>) {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'idlewatt-key-'));
    try {
      await run(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

const peerOf = async (folder: string) => (await createPeerKey(await loadPeerKey(folder))).peer;
const isMissing = (error: unknown) => isAppError(error, 'keystore-missing');

describe('peer key', () => {
  it(
    'stays the same, and other users can’t read it',
    inFolder(async (folder) => {
      assert.equal(await peerOf(folder), await peerOf(folder));
      assert.equal(statSync(join(folder, 'peer.key')).mode & 0o777, 0o600);
    }),
  );

  it(
    'is reported as missing if it existed before',
    inFolder(async (folder) => {
      await peerOf(folder);
      rmSync(join(folder, 'peer.key'));
      await assert.rejects(loadPeerKey(folder), isMissing);
      await assert.rejects(loadPeerKey(folder), isMissing, 'a second try creates no new key either');
    }),
  );

  it(
    'is rejected when damaged or a different one',
    inFolder(async (folder) => {
      await peerOf(folder);
      writeFileSync(join(folder, 'peer.key'), 'nonsense');
      await assert.rejects(loadPeerKey(folder), isMissing);
      rmSync(join(folder, 'peer.key'));
      rmSync(join(folder, 'peer.id'));
      await peerOf(folder);
      writeFileSync(join(folder, 'peer.id'), '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp\n');
      await assert.rejects(loadPeerKey(folder), isMissing);
    }),
  );

  it(
    'rejects a signed message that nests deeply',
    inFolder(async (folder) => {
      const { peer, sign } = await createPeerKey(await loadPeerKey(folder));
      const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
      assert.deepEqual(await verifySigned(await sign(nested(JSON_DEPTH_MAX)), peer), nested(JSON_DEPTH_MAX));
      await assert.rejects(verifySigned(await sign(nested(JSON_DEPTH_MAX + 1)), peer), (error) =>
        isAppError(error, 'bad-request'),
      );
    }),
  );

  it('verifies signatures without a look-up and rejects everything else', async () => {
    const peer = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp';
    const unsigned = `${Buffer.from(JSON.stringify({ alg: 'none', kid: peer })).toString('base64url')}.e30.`;
    for (const jws of ['', 'a.b.c', unsigned, 'x'.repeat(100_000)]) {
      await assert.rejects(verifySigned(jws, peer), (error) => isAppError(error, 'bad-request'));
    }
    await assert.rejects(verifySigned(unsigned, 'nobody'), (error) => isAppError(error, 'bad-request'));
  });
});

describe('a signed message', () => {
  it(
    'accepts what the library for JWS accepts, and nothing else, with and without the own key',
    inFolder(async (folder) => {
      const key = await loadPeerKey(folder);
      const { peer, sign } = await createPeerKey(key);
      const elsewhere = join(folder, 'elsewhere');
      mkdirSync(elsewhere);
      const verifiers = [verifySigned, verifierWithOwnKey(folder), verifierWithOwnKey(elsewhere)];
      await loadPeerKey(elsewhere);
      verifiers.push(verifierWithOwnKey(elsewhere));
      const stranger = generateKeyPairSync('ed25519').privateKey;
      const good = await sign({ charged: '7', at: [1, null, 'ü'] });
      const [header = '', payload = '', signature = ''] = good.split('.');
      const forged = await new CompactSign(Buffer.from('{"charged":"7"}'))
        .setProtectedHeader({ alg: 'EdDSA', kid: peer })
        .sign(stranger);
      const reordered = Buffer.from(JSON.stringify({ kid: peer, alg: 'EdDSA' })).toString('base64url');
      const publicKey = await importJWK(
        { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key.publicKey.raw).toString('base64url') },
        'EdDSA',
      );
      const byLibrary = async (jws: string): Promise<unknown> => {
        const verified = await compactVerify(jws, publicKey, { algorithms: ['EdDSA'] });
        return JSON.parse(Buffer.from(verified.payload).toString());
      };
      const changed = fc
        .tuple(fc.nat(good.length - 1), fc.constantFrom(...'AZaz09-_.=+ /'))
        .map(([at, character]) => good.slice(0, at) + character + good.slice(at + 1));
      const drawn = fc.oneof(
        fc.constantFrom(good, forged, `${reordered}.${payload}.${signature}`, `${good}.`, `${good}A`),
        fc.constantFrom(`${header}..${signature}`, `${header}.${payload}.`, `${header}.${payload}`),
        changed,
      );
      await fc.assert(
        fc.asyncProperty(drawn, async (jws) => {
          const expected = await byLibrary(jws).catch(() => null);
          for (const verify of verifiers) {
            const found = await verify(jws, peer).catch(() => null);
            // The signature's last character has bits that mean nothing.
            if (jws.slice(0, -1) !== good.slice(0, -1)) assert.deepEqual(found, expected);
            assert.ok(found === null || jws.startsWith(`${header}.${payload}.`));
          }
        }),
        { numRuns: 1_000, examples: [[good], [forged]] },
      );
      for (const verify of verifiers) {
        assert.deepEqual(await verify(good, peer), { charged: '7', at: [1, null, 'ü'] });
      }
    }),
  );
});
