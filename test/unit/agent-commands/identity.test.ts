/**
 * Verifies: `identity rotate` gives a data folder another peer key, and everybody can verify that its owner did that;
 * receipts of the former key stay valid in the ledger's verification.
 * Setup: a data folder with a practice wallet and a peer key; the commands run in this process.
 * Fails if: the key stays, the statement is missing or invalid, a running agent isn't noticed, or anything changes
 * without the payout address's own signature.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { Wallet } from 'ethers';
import { createKeyTools, readAddress } from '../../../main/adapters/ethers/index.ts';
import { createPeerKey, didOf, loadPeerKey } from '../../../main/adapters/libp2p/index.ts';
import { acquireFileLock, openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { ownFormerPeers, storedFormerPeers } from '../../../main/agent/former-peers.ts';
import { rotate, show } from '../../../main/agent-commands/identity.ts';
import { homePaths } from '../../../main/core/home/index.ts';
import { checkFormerPeers } from '../../../main/core/identity/index.ts';
import { createSecrets, openWallet, practicePassphrase } from '../../../main/core/wallet/index.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import { AGENT_PROGRAM } from '../../../scripts/lib/places.ts';
import { offerChecks } from '../../fakes/identity.ts';

const checks = offerChecks(systemClock);

type Signs = typeof Wallet.prototype.signTypedData;
interface TypedDataRequest {
  readonly domain: Parameters<Signs>[0];
  readonly types: Parameters<Signs>[1];
  readonly message: Parameters<Signs>[2];
}

async function setUp(t: { after(fn: () => void): void }) {
  const home = mkdtempSync(join(tmpdir(), 'idlewatt-identity-'));
  t.after(() => rmSync(home, { recursive: true }));
  const paths = homePaths(home);
  mkdirSync(paths.keys, { recursive: true, mode: 0o700 });
  openDatabase(paths.database).close();
  const wallet = await openWallet({
    folder: paths.keys,
    passphrase: practicePassphrase(paths.keys),
    passphraseKind: 'random',
    keys: createKeyTools(),
    createIfAbsent: true,
  });
  const peerNow = async () => (await createPeerKey(await loadPeerKey(paths.keys))).peer;
  const first = await peerNow();
  return { home, keys: paths.keys, wallet, first, peerNow, args: ['--home', home, '--practice'] };
}

let printed: string[] = [];
beforeEach((t) => {
  printed = [];
  if ('mock' in t) t.mock.method(console, 'log', (line: string) => void printed.push(line));
});

test('a rotated key is another peer, and former key and wallet have signed that its name moved', async (t) => {
  const { home, keys, wallet, first, peerNow, args } = await setUp(t);
  assert.equal(await rotate(args), 0);
  const second = await peerNow();
  assert.notEqual(second, first);
  const former = ownFormerPeers(keys, second);
  assert.deepEqual(
    former.map(({ kind, peer, payout }) => [kind, peer, payout]),
    [['succeeded', first, wallet.accounts.funds.address]],
  );
  await checkFormerPeers(former, second, checks);
  await rotate(args);
  const third = await peerNow();
  await checkFormerPeers(ownFormerPeers(keys, third), third, checks);
  assert.equal(ownFormerPeers(keys, third).length, 2);
  printed = [];
  assert.equal(await show(['--home', home]), 0);
  assert.deepEqual(printed.slice(0, 2), [`Peer  ${third}`, `DID   ${didOf(third)}`]);
  assert.match(printed[2] ?? '', new RegExp(`${first}, succeeded on \\d{4}-\\d\\d-\\d\\d$`));
});

test('a stolen key is revoked, and its name doesn’t move', async (t) => {
  const { keys, first, peerNow, args } = await setUp(t);
  await rotate([...args, '--stolen']);
  const [former] = storedFormerPeers(keys);
  assert.deepEqual([former?.kind, former?.peer], ['revoked', first]);
  const peer = await peerNow();
  await checkFormerPeers(ownFormerPeers(keys, peer), peer, checks);
});

/** Runs `identity rotate` in a process of its own; `sign` answers the text that it prints. */
async function rotateElsewhere(home: string, sign: (request: TypedDataRequest) => Promise<string>) {
  const words = [AGENT_PROGRAM, 'identity', 'rotate', '--home', home];
  const child = spawn(process.execPath, words, { stdio: 'pipe' });
  let output = '';
  let errors = '';
  child.stderr.on('data', (part: Buffer) => {
    errors += part.toString();
  });
  child.stdout.on('data', (part: Buffer) => {
    output += part.toString();
    if (!output.endsWith('\n}\n')) return;
    const signature = sign(JSON.parse(output)).catch(() => 'none');
    void signature.then((text) => child.stdin.end(`${text}\n`));
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, errors };
}

test('a payout address whose key is elsewhere signs the move there, and only its own signature counts', async (t) => {
  const { home, keys, first, peerNow } = await setUp(t);
  const [owner, stranger] = [Wallet.createRandom(), Wallet.createRandom()];
  createSecrets({
    ...{ folder: keys, keys: createKeyTools(), readAddress, clock: systemClock, isOwed: () => false },
  }).setPayoutAddress(owner.address);
  const signedBy =
    (wallet: { readonly signTypedData: Signs }) =>
    ({ domain, types, message }: TypedDataRequest) => {
      const { EIP712Domain: _, ...own } = types;
      return wallet.signTypedData(domain, own, message);
    };
  const refused = await rotateElsewhere(home, signedBy(stranger));
  assert.equal(refused.code, 2);
  assert.match(refused.errors, /isn’t a signature of this text/);
  assert.deepEqual([await peerNow(), storedFormerPeers(keys)], [first, []]);
  const done = await rotateElsewhere(home, signedBy(owner));
  assert.equal(done.code, 0, done.errors);
  const second = await peerNow();
  const former = ownFormerPeers(keys, second);
  assert.deepEqual(
    former.map(({ kind, peer, payout }) => [kind, peer, payout]),
    [['succeeded', first, owner.address]],
  );
  await checkFormerPeers(former, second, checks);
});

test('nothing changes while an agent runs', async (t) => {
  const { home, keys, first, peerNow, args } = await setUp(t);
  const lock = acquireFileLock(join(home, 'agent.lock'));
  await assert.rejects(rotate(args), { code: 'home-in-use' });
  lock?.release();
  assert.equal(await peerNow(), first);
  assert.deepEqual(storedFormerPeers(keys), []);
});
