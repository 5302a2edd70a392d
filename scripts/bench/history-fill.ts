/**
 * Fills a data folder with a long life of jobs, through the stores' own writes: sold and bought, settled, charged and
 * failed, each charged one with its ledger entry, and each sold one of them with a receipt that verifies.
 */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { loadPeerKey } from '../../main/adapters/libp2p/index.ts';
import { acquireFileLock, openDatabase } from '../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { openHome } from '../../main/core/home/index.ts';
import { newJobId } from '../../main/core/jobs/index.ts';
import { createLedger, type PostingRequest } from '../../main/core/ledger/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import type { Job, JobEvent, JobState } from '../../shared/jobs.ts';
import { amount } from '../../shared/money.ts';
import type { Receipt } from '../../shared/offer.ts';

export const TOKEN = 'eip155:31337/0x1d1e0a7700000000000000000000000000000001';

const BATCH = 1_000;
const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
/** The last tenth of the jobs, a second apart; the others are spread over a year. */
const DENSE_PART = 0.1;
const DENSE_MS = 1_000;
const MODELS = 3;
const PEERS = 20;
const CHANNELS = 40;
/** Every such job is bought, or ends without a charge. */
const BOUGHT_EVERY = 7;
const FAILED_EVERY = 11;
/** Jobs at the end that are charged and not paid out yet. */
const UNPAID_JOBS = 500;
const PRICE = { inputPerMillion: '20000000', outputPerMillion: '160000000' };

export interface Signer {
  readonly peer: string;
  readonly key: KeyObject;
}

/** A job with its timeline; `isPaid` if it was paid out. */
export interface LifeJob {
  readonly job: Job;
  readonly events: readonly JobEvent[];
  readonly isPaid: boolean;
}

/** Writes `jobs` jobs, of which the last one ends now, into a new data folder; `report` receives the number so far. */
export async function fillHistory(root: string, jobs: number, report: (done: number) => void): Promise<void> {
  const home = openHome({ root, acquireLock: acquireFileLock, pid: process.pid });
  const signer = await openSigner(home.paths.keys);
  const database = openDatabase(home.paths.database);
  const calendar = createCalendar('Europe/Berlin');
  const ledger = createLedger({ store: database.ledger, clock: systemClock, calendar });
  const life = createLife(jobs, Date.now());
  const drawBatch = (from: number): Promise<LifeJob[]> =>
    Promise.all(
      Array.from({ length: Math.min(BATCH, jobs - from) }, (_, index) =>
        signed(life.job(from + index), signer),
      ),
    );
  ledger.postAll([life.opening()]);
  let next = drawBatch(0);
  for (let from = 0; from < jobs; from += BATCH) {
    const batch = await next;
    // Other cores sign the next batch while this one is written.
    if (from + BATCH < jobs) next = drawBatch(from + BATCH);
    database.transaction(() => {
      for (const { job, events, isPaid } of batch) {
        database.jobs.insertEnded(job, events, isPaid ? 'settled' : 'no');
      }
      ledger.postAll([...batch.flatMap(({ job }) => chargeOf(job)), ...payoutOf(batch, life.atMsOf(from))]);
    });
    report(from + batch.length);
  }
  database.close();
  home.close();
}

async function openSigner(folder: string): Promise<Signer> {
  const key = await loadPeerKey(folder);
  const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  return {
    peer: key.publicKey.toString(),
    key: createPrivateKey({
      format: 'jwk',
      key: {
        kty: 'OKP',
        crv: 'Ed25519',
        d: base64url(key.raw.subarray(0, 32)),
        x: base64url(key.publicKey.raw),
      },
    }),
  };
}

const signInPool = promisify(sign);

/** Adds the receipt, a compact JWS, to a job that was sold: what others sign isn't this machine's to make. */
export async function signed(drawn: LifeJob, { key, peer }: Signer): Promise<LifeJob> {
  const { job } = drawn;
  if (job.side !== 'sold' || job.charged === null) return drawn;
  const receipt: Receipt = {
    job: job.id,
    peer,
    modelSha256: 'a'.repeat(64),
    inputTokens: job.inputTokens ?? 0,
    outputTokens: job.outputTokens ?? 0,
    price: PRICE,
    assetId: TOKEN,
    channelId: job.channelId ?? '',
    charged: job.charged,
    cumulative: job.cumulative ?? '0',
    tokenHash: Buffer.from(job.id).toString('hex').slice(0, 64),
    finishReason: 'stop',
    atMs: job.endedAtMs ?? 0,
  };
  const text = [{ alg: 'EdDSA', kid: peer }, receipt]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = (await signInPool(null, Buffer.from(text), key)) as Buffer;
  return { ...drawn, job: { ...job, receipt: `${text}.${signature.toString('base64url')}` } };
}

/** Draws the jobs of a life by their number, in order, with the channels' cumulative amounts. */
export function createLife(jobs: number, endMs: number) {
  const dense = Math.floor(jobs * DENSE_PART);
  const denseFromMs = endMs - dense * DENSE_MS;
  const cumulative = new Map<string, bigint>();
  const atMsOf = (index: number): number =>
    index >= jobs - dense
      ? endMs - (jobs - index) * DENSE_MS
      : Math.floor(denseFromMs - YEAR_MS * (1 - index / Math.max(1, jobs - dense)));
  return {
    atMsOf,
    /** Practice money that pays for what is bought. */
    opening: (): PostingRequest => ({
      key: 'faucet:benchmark',
      atMs: atMsOf(0),
      kind: 'faucet',
      description: 'Received from the faucet',
      lines: move(10n ** 12n, 'equity:faucet', 'wallet'),
    }),
    job(index: number): LifeJob {
      const job = drawJob(index, atMsOf(index));
      const isFailed = job.error !== null;
      const isPaid = job.side === 'sold' && !isFailed && index < jobs - UNPAID_JOBS;
      const charged = 2_000n + BigInt(index % 5_000);
      const total = (cumulative.get(job.channelId ?? '') ?? 0n) + charged;
      if (!isFailed) cumulative.set(job.channelId ?? '', total);
      const states: JobState[] = isFailed
        ? ['admitted', 'failed']
        : ['admitted', 'running', 'delivered', 'charged'];
      if (isPaid) states.push('claimed', 'settled');
      return {
        job: {
          ...job,
          state: states.at(-1) ?? 'failed',
          charged: isFailed ? null : charged.toString(),
          cumulative: isFailed ? null : total.toString(),
        },
        events: states.map((state, step) => ({ atMs: job.createdAtMs + step * 100, state, note: null })),
        isPaid,
      };
    },
  };
}

/** A job before its charge. */
function drawJob(index: number, createdAtMs: number): Job {
  const side = index % BOUGHT_EVERY === 0 ? 'bought' : 'sold';
  const isFailed = index % FAILED_EVERY === 0;
  return {
    id: newJobId(createdAtMs),
    side,
    state: 'admitted',
    model: `model-${index % MODELS}`,
    peer: `12D3KooWBenchmarkPeer${index % PEERS}`,
    payer: side === 'sold' ? `0x${(index % PEERS).toString(16).padStart(40, '0')}` : null,
    channelId: `0x${side === 'sold' ? '1' : '2'}${(index % CHANNELS).toString(16).padStart(63, '0')}`,
    createdAtMs,
    startedAtMs: createdAtMs + 5,
    firstTokenAtMs: isFailed ? null : createdAtMs + 120,
    endedAtMs: createdAtMs + 900,
    inputTokens: isFailed ? null : 40 + (index % 50),
    outputTokens: isFailed ? null : 60 + (index % 100),
    decodeTokensPerSecond: isFailed ? null : 77.5,
    assetId: TOKEN,
    charged: null,
    cumulative: null,
    receipt: null,
    finishReason: isFailed ? null : 'stop',
    error: isFailed ? 'engine-failed' : null,
    continues: null,
    continuedBy: null,
    apiKey: null,
  };
}

type Lines = PostingRequest['lines'];
type Account = Lines[number]['account'];

function move(value: bigint, from: Account, to: Account, channelId: string | null = null): Lines {
  return [
    { account: to, assetId: TOKEN, amount: amount(value), channelId },
    { account: from, assetId: TOKEN, amount: amount(-value), channelId },
  ];
}

/** Returns the ledger entry of a job's charge, if it has one. */
export function chargeOf(job: Job): PostingRequest[] {
  if (job.charged === null) return [];
  const isSold = job.side === 'sold';
  const [from, to] = isSold
    ? (['income:jobs', 'channels:owed'] as const)
    : (['wallet', 'expense:inference'] as const);
  return [
    {
      key: `job:${job.id}:charged`,
      atMs: job.endedAtMs ?? 0,
      kind: isSold ? 'job-charged' : 'job-bought',
      description: `Served ${job.model}`,
      jobId: job.id,
      model: job.model,
      peer: job.peer,
      lines: move(BigInt(job.charged), from, to, job.channelId),
    },
  ];
}

/** Claims and pays out what the settled jobs of a batch were charged. */
export function payoutOf(batch: readonly LifeJob[], atMs: number): PostingRequest[] {
  const owed = new Map<string, bigint>();
  for (const { job, isPaid } of batch) {
    const channelId = job.channelId ?? '';
    if (isPaid) owed.set(channelId, (owed.get(channelId) ?? 0n) + BigInt(job.charged ?? 0));
  }
  if (owed.size === 0) return [];
  const { id } = forceUnwrap('a batch has jobs', batch[0]).job;
  const hash = (kind: string) => `0x${(kind + id.replaceAll('-', '')).padStart(64, '0')}`;
  const total = [...owed.values()].reduce((sum, value) => sum + value, 0n);
  return [
    {
      key: `claim:${hash('c')}`,
      atMs,
      kind: 'channels-claimed',
      description: 'Claimed',
      txHash: hash('c'),
      lines: [...owed].flatMap(([channelId, value]) =>
        move(value, 'channels:owed', 'contract:claimed', channelId),
      ),
    },
    {
      key: `settle:${hash('d')}`,
      atMs,
      kind: 'payout',
      description: 'Paid out to the wallet',
      txHash: hash('d'),
      lines: move(total, 'contract:claimed', 'wallet'),
    },
  ];
}
