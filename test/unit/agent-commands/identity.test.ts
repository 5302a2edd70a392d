/**
 * Verifies: `identity rotate` gives a data folder another peer key, and everybody can verify that its owner did that;
 * receipts of the former key stay valid in the ledger's verification.
 * Setup: a data folder with a practice wallet and a peer key; the commands run in this process.
 * Fails if: the key stays, the statement is missing or invalid, a running agent isn't noticed, or anything changes
 * although the payout address's key isn't here.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { createKeyTools, readAddress } from '../../../main/adapters/ethers/index.ts';
import { createPeerKey, didOf, loadPeerKey } from '../../../main/adapters/libp2p/index.ts';
import { acquireFileLock, openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { ownFormerPeers, storedFormerPeers } from '../../../main/agent/former-peers.ts';
import { rotate, show } from '../../../main/agent-commands/identity.ts';
import { homePaths } from '../../../main/core/home/index.ts';
import { checkFormerPeers } from '../../../main/core/identity/index.ts';
import { createSecrets, openWallet, practicePassphrase } from '../../../main/core/wallet/index.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import { offerChecks } from '../../fakes/identity.ts';

const checks = offerChecks(systemClock);

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

test('nothing changes while an agent runs, or if another payout address would have to sign', async (t) => {
  const { home, keys, first, peerNow, args } = await setUp(t);
  const lock = acquireFileLock(join(home, 'agent.lock'));
  await assert.rejects(rotate(args), { code: 'home-in-use' });
  lock?.release();
  createSecrets({
    ...{ folder: keys, keys: createKeyTools(), readAddress, clock: systemClock, isOwed: () => false },
  }).setPayoutAddress('0x52908400098527886E0F7030069857D2E4169EE7');
  await assert.rejects(rotate(args), { code: 'unsupported' });
  assert.equal(await peerNow(), first);
  assert.deepEqual(storedFormerPeers(keys), []);
});
