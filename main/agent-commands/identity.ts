/** `identity show`, `message`, `bind` and `rotate`: this machine's peer key, its payout address elsewhere, and another key. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import {
  type BindingTerms,
  bindingSignatureSchema,
  type FormerPeer,
  walletSignatureSchema,
} from '../../shared/identity.ts';
import { createKeyTools, rpcRequestOf, verifyTypedData } from '../adapters/ethers/index.ts';
import { createPeerKey, didOf, loadPeerKey, makePeerKey, replacePeerKey } from '../adapters/libp2p/index.ts';
import { acquireFileLock } from '../adapters/sqlite/index.ts';
import { addFormerPeer, storedFormerPeers } from '../agent/former-peers.ts';
import { NETWORKS, networkName } from '../agent/networks.ts';
import { signedBindingFile } from '../agent/signed-binding-file.ts';
import { type HomePaths, openHome } from '../core/home/index.ts';
import {
  bindingStatement,
  LIFETIME_SECONDS_MAX,
  signRevocation,
  signSuccession,
} from '../core/identity/index.ts';
import { namedPayout, openWallet, practicePassphrase } from '../core/wallet/index.ts';
import { systemClock } from '../ports/clock.ts';
import type { Account } from '../ports/evm.ts';
import { PROGRAM } from '../ports/program.ts';
import { openChains, PRACTICE_ID } from './chain-access.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { askLine, readPassphrase } from './prompt.ts';

const DAY_SECONDS = 86_400;
const DAYS_MAX = LIFETIME_SECONDS_MAX / DAY_SECONDS;

const OPTIONS = {
  home: { type: 'string' },
  'passphrase-file': { type: 'string' },
  practice: { type: 'boolean', default: false },
  stolen: { type: 'boolean', default: false },
  days: { type: 'string', default: String(DAYS_MAX) },
  rpc: { type: 'string' },
  network: { type: 'string' },
} as const;

/** Prints the peer ID, its DID and the former peers. */
export const show: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: { home: OPTIONS.home } });
  const { keys } = existingHome(values.home);
  const peer = storedPeer(keys);
  console.log(`Peer  ${peer}`);
  console.log(`DID   ${didOf(peer)}`);
  const payout = namedPayout(keys);
  if (payout !== null) console.log(`Payout address  ${payout}, ${boundUntil(keys, peer, payout)}`);
  for (const former of storedFormerPeers(keys)) console.log(`Former peer  ${describe(former)}`);
  return 0;
};

function boundUntil(keys: string, peer: string, payout: string): string {
  const signed = signedBindingFile(keys).signedFor({ peer, payout });
  const isValid = signed !== null && signed.untilSeconds * 1_000 > systemClock.now();
  return isValid
    ? `bound until ${dateOf(signed.untilSeconds)}`
    : `not bound: let it sign what \`${PROGRAM.command} identity message\` prints`;
}

/**
 * Prints what the payout address signs elsewhere to vouch for this peer: the JSON for `eth_signTypedData_v4` of any wallet.
 * Fails with `unsupported` if the key of the payout address is on this machine.
 */
export const message: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: { home: OPTIONS.home, days: OPTIONS.days } });
  const { keys } = existingHome(values.home);
  const { peer, payout } = partiesOf(keys);
  const days = Number(values.days);
  if (!Number.isInteger(days) || days < 1 || days > DAYS_MAX) {
    throw new AppError('bad-request', `Invalid --days "${values.days}". Use 1 to ${DAYS_MAX}.`);
  }
  const fromSeconds = Math.floor(systemClock.now() / 1_000);
  const terms = { peer, payout, fromSeconds, untilSeconds: fromSeconds + days * DAY_SECONDS };
  signedBindingFile(keys).ask(terms);
  console.log(JSON.stringify(rpcRequestOf(bindingStatement(terms)), null, 2));
  console.error(
    `Sign it with ${payout}, then run \`${PROGRAM.command} identity bind\` and enter the signature.`,
  );
  return 0;
};

/**
 * Asks for the signature of the text that `identity message` printed last, verifies and stores it. The running agent uses it
 * in its next offer.
 */
export const bind: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { home: OPTIONS.home, rpc: OPTIONS.rpc, network: OPTIONS.network },
  });
  const paths = existingHome(values.home);
  const file = signedBindingFile(paths.keys);
  const asked = file.asked();
  const { peer, payout } = partiesOf(paths.keys);
  if (asked === null || asked.peer !== peer || asked.payout !== payout) {
    throw new AppError(
      'not-found',
      `Nothing is waiting for a signature of ${payout}. Run \`${PROGRAM.command} identity message\` first.`,
    );
  }
  const signature = bindingSignatureSchema.safeParse((await askLine('Signature (0x…): ')).trim());
  if (!signature.success)
    throw new AppError('bad-request', 'That isn’t a valid signature. Nothing was changed.');
  const kind = await kindOfSigner(paths, asked, signature.data, values);
  file.sign({ ...asked, signature: signature.data });
  console.log(`Bound to ${payout} (${kind}) until ${dateOf(asked.untilSeconds)}.`);
  return 0;
};

/** Returns who signed. Fails with `bad-request` if it wasn't the payout address. */
async function kindOfSigner(
  paths: HomePaths,
  asked: BindingTerms,
  signature: string,
  given: { readonly rpc?: string | undefined; readonly network?: string | undefined },
): Promise<string> {
  const statement = bindingStatement(asked);
  if (verifyTypedData(asked.payout, statement, signature)) return 'its key signed';
  const chains = openChains(paths, given.rpc ?? null);
  try {
    const verify = await chains.contractSignatures(networkOfFolder(paths, given.network));
    const result = (await verify?.(asked.payout, statement, signature)) ?? 'refused';
    if (result === 'accepted') return 'its contract accepts the signature';
    if (result === 'unknown')
      throw new AppError('chain-unavailable', 'The chain didn’t answer. Nothing was changed. Try again.');
  } finally {
    await chains.close();
  }
  throw new AppError(
    'bad-request',
    `${asked.payout} didn’t sign this text: neither its key nor, on the chain, a contract at it accepts the signature. Nothing was changed.`,
  );
}

/** CAIP-2 ID of the named chain, of the one whose folder this is, or of the practice chain. */
function networkOfFolder({ root }: HomePaths, named: string | undefined): string {
  if (named !== undefined) return NETWORKS[networkName(named)].id;
  const chosen = basename(root);
  return chosen in NETWORKS ? NETWORKS[networkName(chosen)].id : PRACTICE_ID;
}

/** Fails with `unsupported` if the payout address is the wallet's own, and with `not-found` before the first start. */
function partiesOf(keys: string): Pick<BindingTerms, 'peer' | 'payout'> {
  const payout = namedPayout(keys);
  if (payout === null) {
    throw new AppError(
      'unsupported',
      'The payout address is this machine’s own wallet, which signs automatically. Nothing has to be done.',
    );
  }
  return { peer: storedPeer(keys), payout };
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().slice(0, 10);
}

function storedPeer(keys: string): string {
  const path = join(keys, 'peer.id');
  if (!existsSync(path))
    throw new AppError('not-found', `This data folder has no peer yet: ${path} is missing.`);
  return readFileSync(path, 'utf8').trim();
}

function describe({ peer, kind, atSeconds }: FormerPeer): string {
  return `${peer}, ${kind} on ${dateOf(atSeconds)}`;
}

/**
 * Replaces the peer key. Buyers that know the former peer move its good name to the new one; with `--stolen`, they refuse
 * the former peer instead. Where the payout address's key isn't here, it signs elsewhere meanwhile. Fails with `home-in-use` while an agent runs, which would continue with the former key.
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

/** Returns what signs for the payout address: the wallet, or its owner elsewhere if its key isn't on this machine. */
async function openPayout(
  folder: string,
  values: { readonly practice: boolean; readonly 'passphrase-file'?: string | undefined },
): Promise<Pick<Account, 'address' | 'signTypedData'>> {
  const named = namedPayout(folder);
  if (named !== null && !values.practice && values['passphrase-file'] === undefined)
    return signsElsewhere(named);
  const passphrase = values.practice
    ? practicePassphrase(folder)
    : await readPassphrase(values['passphrase-file'], 'Passphrase of the wallet on this machine: ');
  const { accounts, payout } = await openWallet({
    ...{ folder, passphrase, keys: createKeyTools(), createIfAbsent: false },
  });
  return payout === accounts.funds.address ? accounts.funds : signsElsewhere(payout);
}

/** Prints each text for the address's wallet and asks for the signature. It has to be of a key: buyers ask no contract about it. */
function signsElsewhere(address: string): Pick<Account, 'address' | 'signTypedData'> {
  return {
    address: address as Account['address'],
    async signTypedData(statement) {
      console.log(JSON.stringify(rpcRequestOf(statement), null, 2));
      console.error(`Sign it with ${address}, then enter the signature.`);
      const signature = walletSignatureSchema.safeParse((await askLine('Signature (0x…): ')).trim());
      if (signature.success && verifyTypedData(address, statement, signature.data))
        return signature.data as `0x${string}`;
      throw new AppError(
        'bad-request',
        `That isn’t a signature of this text by the key of ${address}. Nothing was changed.`,
      );
    },
  };
}
