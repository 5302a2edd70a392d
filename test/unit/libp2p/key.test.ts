/**
 * Goal: a machine keeps its peer key, or says that it lost it. Method: real files in a temporary folder. What
 * would break: a silent new identity after a lost or damaged key, a key that others can read.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createPeerKey, loadPeerKey, verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { isAppError } from '../../../shared/errors.ts';

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
    'stays the same, and nobody else can read it',
    inFolder(async (folder) => {
      assert.equal(await peerOf(folder), await peerOf(folder));
      assert.equal(statSync(join(folder, 'peer.key')).mode & 0o777, 0o600);
    }),
  );

  it(
    'is missed when it was there before',
    inFolder(async (folder) => {
      await peerOf(folder);
      rmSync(join(folder, 'peer.key'));
      await assert.rejects(loadPeerKey(folder), isMissing);
      await assert.rejects(loadPeerKey(folder), isMissing, 'asking again makes no new one either');
    }),
  );

  it(
    'is refused when it is damaged or another one',
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

  it('checks signatures without a look-up and refuses everything that is not one', async () => {
    const peer = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp';
    const unsigned = `${Buffer.from(JSON.stringify({ alg: 'none', kid: peer })).toString('base64url')}.e30.`;
    for (const jws of ['', 'a.b.c', unsigned, 'x'.repeat(100_000)]) {
      await assert.rejects(verifySigned(jws, peer), (error) => isAppError(error, 'bad-request'));
    }
    await assert.rejects(verifySigned(unsigned, 'nobody'), (error) => isAppError(error, 'bad-request'));
  });
});
