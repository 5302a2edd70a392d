/** `identity show` and `identity rotate`: this machine's peer key, and its replacement by another one. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import type { FormerPeer } from '../../shared/identity.ts';
import { createKeyTools } from '../adapters/ethers/index.ts';
import { createPeerKey, didOf, loadPeerKey, makePeerKey, replacePeerKey } from '../adapters/libp2p/index.ts';
import { acquireFileLock } from '../adapters/sqlite/index.ts';
import { addFormerPeer, storedFormerPeers } from '../agent/former-peers.ts';
import { openHome } from '../core/home/index.ts';
import { signRevocation, signSuccession } from '../core/identity/index.ts';
import { openWallet, practicePassphrase } from '../core/wallet/index.ts';
import { systemClock } from '../ports/clock.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { readPassphrase } from './prompt.ts';

const OPTIONS = {
  home: { type: 'string' },
  'passphrase-file': { type: 'string' },
  practice: { type: 'boolean', default: false },
  stolen: { type: 'boolean', default: false },
} as const;

/** Prints the peer ID, its DID and the former peers. */
export const show: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: { home: OPTIONS.home } });
  const { keys } = existingHome(values.home);
  const path = join(keys, 'peer.id');
  if (!existsSync(path))
    throw new AppError('not-found', `This data folder has no peer yet: ${path} is missing.`);
  const peer = readFileSync(path, 'utf8').trim();
  console.log(`Peer  ${peer}`);
  console.log(`DID   ${didOf(peer)}`);
  for (const former of storedFormerPeers(keys)) console.log(`Former peer  ${describe(former)}`);
  return 0;
};

function describe({ peer, kind, atSeconds }: FormerPeer): string {
  return `${peer}, ${kind} on ${new Date(atSeconds * 1_000).toISOString().slice(0, 10)}`;
}

/**
 * Replaces the peer key. Buyers that know the former peer move its good name to the new one; with `--stolen`, they refuse
 * the former peer instead. Fails with `home-in-use` while an agent runs, which would continue with the former key.
 */
export const rotate: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS });
  const { root } = existingHome(values.home);
  const home = openHome({ root, acquireLock: acquireFileLock, pid: process.pid });
  try {
    const folder = home.paths.keys;
    const key = await createPeerKey(await loadPeerKey(folder));
    const payout = await openPayout(folder, values);
    const next = await makePeerKey();
    const { peer } = await createPeerKey(next);
    const nowMs = systemClock.now();
    // Stored before the key, so that the good name is never lost.
    const former = values.stolen
      ? await signRevocation(key.peer, payout, nowMs)
      : await signSuccession(key, payout, peer, nowMs);
    addFormerPeer(folder, former);
    replacePeerKey(folder, next);
    console.log(`This machine is the peer ${peer} from the next start. Former peer: ${describe(former)}.`);
    return 0;
  } finally {
    home.close();
  }
};

/** Returns the account of the payout address. Fails with `unsupported` if its key isn't on this machine. */
async function openPayout(
  folder: string,
  values: { readonly practice: boolean; readonly 'passphrase-file'?: string | undefined },
) {
  const passphrase = values.practice
    ? practicePassphrase(folder)
    : await readPassphrase(values['passphrase-file'], 'Passphrase of the wallet on this machine: ');
  const { accounts, payout } = await openWallet({
    ...{ folder, passphrase, keys: createKeyTools(), createIfAbsent: false },
  });
  if (payout === accounts.funds.address) return accounts.funds;
  throw new AppError(
    'unsupported',
    `The key of the payout address ${payout} isn’t on this machine, so it can’t sign. Nothing was changed.`,
  );
}
