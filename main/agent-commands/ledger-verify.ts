/** `ledger verify`: recomputes a ledger's balances from receipts and chain, and names each difference. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { isAppError } from '../../shared/errors.ts';
import { verifierWithOwnKey } from '../adapters/libp2p/index.ts';
import { acquireFileLock, openForReading, verifyStored } from '../adapters/sqlite/index.ts';
import { readSoldChannels } from '../adapters/x402/index.ts';
import { storedFormerPeers } from '../agent/former-peers.ts';
import { type Audit, audit, networkOf } from '../core/audit/index.ts';
import { createCalendar } from '../core/calendar/index.ts';
import type { HomePaths } from '../core/home/index.ts';
import { createLedger } from '../core/ledger/index.ts';
import { systemClock } from '../ports/clock.ts';
import type { ChainEvidence } from '../ports/evidence.ts';
import { type ChainAccess, openChains } from './chain-access.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';

/** While an agent runs, a difference may be an event in progress: only one that persists is reported. */
const ATTEMPTS_MAX = 4;
const ATTEMPT_PAUSE_MS = 1_500;
const PAGE = 500;
const SHOWN_MAX = 200;

const markerSchema = z.object({ address: z.string() });

export const run: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      home: { type: 'string' },
      rpc: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const paths = existingHome(values.home);
  const chains = openChains(paths, values.rpc ?? null);
  try {
    let result = await auditOnce(paths, chains);
    for (
      let attempt = 1;
      result.differences.length > 0 && attempt < ATTEMPTS_MAX && isInUse(paths);
      attempt += 1
    ) {
      await sleep(ATTEMPT_PAUSE_MS);
      result = await auditOnce(paths, chains);
    }
    if (values.json) console.log(toJson(result));
    else print(result);
    return result.differences.length === 0 ? 0 : 1;
  } finally {
    await chains.close();
  }
};

async function auditOnce(paths: HomePaths, chains: ChainAccess): Promise<Audit> {
  const database = openForReading(paths.database, { allowChangedRows: true });
  try {
    const ledger = createLedger({
      store: database.ledger,
      clock: systemClock,
      calendar: createCalendar('UTC'),
    });
    const networks = new Set(ledger.trialBalance().map(({ assetId }) => networkOf(assetId)));
    const evidence = new Map<string, ChainEvidence | null>();
    for (const network of networks) evidence.set(network, await reachable(network, chains));
    const stored = verifyStored(paths.database);
    const result = await audit({
      ledger,
      problems: async () => (await stored).problems,
      jobs: function* () {
        for (let after = ''; ; ) {
          const page = database.jobs.page(after, PAGE);
          yield page;
          const last = page.at(-1);
          if (last === undefined) return;
          after = last.id;
        }
      },
      folded: database.jobs.folded(),
      findJob: (id) => database.jobs.find(id),
      soldChannels: readSoldChannels(database.records),
      ownPeers: ownPeers(paths.keys),
      verifySigned: verifierWithOwnKey(paths.keys),
      chains: evidence,
      addresses: walletAddress(paths),
    });
    const changed = (await stored).changedRow;
    if (changed === null) return result;
    return { ...result, differences: [...result.differences, { about: 'database', what: changed }] };
  } finally {
    database.close();
  }
}

/** Returns null for a chain that can't be queried. */
async function reachable(network: string, chains: ChainAccess): Promise<ChainEvidence | null> {
  try {
    const evidence = await chains.evidence(network);
    // One query decides, so that an unavailable chain is reported once.
    await evidence?.channels([`0x${'0'.repeat(64)}`]);
    return evidence;
  } catch (error) {
    if (isAppError(error, 'chain-unavailable', 'chain-mismatch', 'unsupported')) return null;
    throw error;
  }
}

function ownPeers(folder: string): readonly string[] {
  const current = readText(join(folder, 'peer.id'));
  const former = storedFormerPeers(folder).map(({ peer }) => peer);
  return [...(current === null ? [] : [current]), ...former];
}

function walletAddress(paths: HomePaths): readonly string[] {
  const text = readText(join(paths.keys, 'wallet-address.json'));
  const marker = text === null ? null : markerSchema.safeParse(JSON.parse(text));
  return marker?.success ? [marker.data.address] : [];
}

function readText(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}

function isInUse(paths: HomePaths): boolean {
  const lock = acquireFileLock(join(paths.root, 'agent.lock'));
  lock?.release();
  return lock === null;
}

function print({ differences, notes, balances, counted }: Audit): void {
  console.log(
    `Checked ${counted.entries} entries, ${counted.receipts} signed receipts and ${counted.transactions} transactions.\n`,
  );
  for (const { account, assetId, books, rebuilt } of balances) {
    const verdict =
      rebuilt === null ? 'in the ledger only' : rebuilt === books ? 'recomputed, the same' : 'DIFFERS';
    console.log(`  ${account.padEnd(20)} ${String(books).padStart(26)}  ${assetId}  ${verdict}`);
  }
  for (const note of notes) console.log(`\nNote: ${note}`);
  console.log(differences.length === 0 ? '\nThe ledger is correct.' : `\nDifferences: ${differences.length}`);
  for (const { about, what } of differences.slice(0, SHOWN_MAX)) console.log(`  ${about}: ${what}`);
  if (differences.length > SHOWN_MAX) console.log(`  and ${differences.length - SHOWN_MAX} more`);
}

function toJson(result: Audit): string {
  return JSON.stringify(result, (_, value) => (typeof value === 'bigint' ? value.toString() : value));
}
