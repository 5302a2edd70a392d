/**
 * Fills a data folder with a long life of jobs, through the stores' own writes: sold and bought, settled, charged,
 * failed and refused, each charged one with a receipt that verifies and its ledger entry.
 */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { loadPeerKey } from '../../main/adapters/libp2p/index.ts';
import { acquireFileLock, openDatabase } from '../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { openHome } from '../../main/core/home/index.ts';
import { newJobId } from '../../main/core/jobs/index.ts';
import { createLedger, type PostingRequest } from '../../main/core/ledger/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Job, JobEvent, JobState } from '../../shared/jobs.ts';
import { amount } from '../../shared/money.ts';
import type { Receipt } from '../../shared/offer.ts';

export const TOKEN = 'eip155:31337/0x1d1e0a7700000000000000000000000000000001';
export const COIN = 'eip155:31337/native';

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

interface Signer {
  readonly peer: string;
  readonly key: KeyObject;
}

/** Writes `jobs` jobs that end now into a new data folder. Returns the time that the writes took, in milliseconds. */
export async function fillHistory(
  root: string,
  jobs: number,
  report: (done: number) => void,
): Promise<{ readonly tookMs: number }> {
  const home = openHome({ root, acquireLock: acquireFileLock, pid: process.pid });
  const signer = await openSigner(home.paths.keys);
  const database = openDatabase(home.paths.database);
  const ledger = createLedger({
    store: database.ledger,
    clock: systemClock,
    calendar: createCalendar('Europe/Berlin'),
  });
  const life = createLife(jobs, Date.now(), signer);
  const startMs = performance.now();
  ledger.postAll([life.opening()]);
  for (let from = 0; from < jobs; from += BATCH) {
    database.transaction(() => {
      const postings: PostingRequest[] = [];
      for (let index = from; index < Math.min(jobs, from + BATCH); index += 1) {
        const { job, events, posting, isPaid } = life.job(index);
        database.jobs.insertEnded(job, events, isPaid ? 'settled' : 'no');
        if (posting !== null) postings.push(posting);
      }
      ledger.postAll([...postings, ...life.payout(from)]);
    });
    if (from % 50_000 === 0) report(from);
  }
  const tookMs = performance.now() - startMs;
  database.close();
  home.close();
  return { tookMs };
}

async function openSigner(folder: string): Promise<Signer> {
  const key = await loadPeerKey(folder);
  return {
    peer: key.publicKey.toString(),
    key: createPrivateKey({
      format: 'jwk',
      key: {
        kty: 'OKP',
        crv: 'Ed25519',
        d: Buffer.from(key.raw.subarray(0, 32)).toString('base64url'),
        x: Buffer.from(key.publicKey.raw).toString('base64url'),
      },
    }),
  };
}

/** A compact JWS as the provider signs it. Synchronous, because a million awaited signatures take minutes. */
function signReceipt({ key }: Signer, receipt: Receipt): string {
  const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', kid: receipt.peer })).toString('base64url');
  const text = `${header}.${Buffer.from(JSON.stringify(receipt)).toString('base64url')}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
}

interface LifeJob {
  readonly job: Job;
  readonly events: readonly JobEvent[];
  readonly posting: PostingRequest | null;
  readonly isPaid: boolean;
}

/** Draws the jobs of a life by their number, with the channels' cumulative amounts. */
function createLife(jobs: number, endMs: number, signer: Signer) {
  const dense = Math.floor(jobs * DENSE_PART);
  const denseFromMs = endMs - dense * DENSE_MS;
  const cumulative = new Map<string, bigint>();
  const owed = new Map<string, bigint>();
  const atMsOf = (index: number): number =>
    index >= jobs - dense
      ? endMs - (jobs - index) * DENSE_MS
      : Math.floor(denseFromMs - YEAR_MS * (1 - index / Math.max(1, jobs - dense)));

  function drawn(index: number): Omit<LifeJob, 'posting'> {
    const createdAtMs = atMsOf(index);
    const side = index % BOUGHT_EVERY === 0 ? 'bought' : 'sold';
    const isFailed = index % FAILED_EVERY === 0;
    const isPaid = side === 'sold' && !isFailed && index < jobs - UNPAID_JOBS;
    const states: readonly JobState[] = isFailed
      ? ['admitted', 'failed']
      : ['admitted', 'running', 'delivered', 'charged', ...(isPaid ? (['claimed', 'settled'] as const) : [])];
    const tokens = { input: 40 + (index % 50), output: 60 + (index % 100) };
    const job: Job = {
      id: newJobId(createdAtMs),
      side,
      state: states.at(-1) ?? 'failed',
      model: `model-${index % MODELS}`,
      // Own receipts prove what was sold; what others signed isn't this machine's to make, so nobody's is stored.
      peer: `12D3KooWBenchmarkPeer${index % PEERS}`,
      payer: side === 'sold' ? `0x${(index % PEERS).toString(16).padStart(40, '0')}` : null,
      channelId: `0x${side === 'sold' ? '1' : '2'}${(index % CHANNELS).toString(16).padStart(63, '0')}`,
      createdAtMs,
      startedAtMs: createdAtMs + 5,
      firstTokenAtMs: isFailed ? null : createdAtMs + 120,
      endedAtMs: createdAtMs + 900,
      inputTokens: isFailed ? null : tokens.input,
      outputTokens: isFailed ? null : tokens.output,
      decodeTokensPerSecond: isFailed ? null : 77.5,
      assetId: TOKEN,
      charged: null,
      cumulative: null,
      receipt: null,
      finishReason: isFailed ? null : 'stop',
      error: isFailed ? 'engine-failed' : null,
      continues: null,
      continuedBy: null,
    };
    const events = states.map((state, step) => ({ atMs: createdAtMs + step * 100, state, note: null }));
    return { job, events, isPaid };
  }

  return {
    /** Practice money that pays for what is bought. */
    opening: (): PostingRequest => ({
      key: 'faucet:benchmark',
      atMs: atMsOf(0),
      kind: 'faucet',
      description: 'Received from the faucet',
      lines: [
        { account: 'wallet', assetId: TOKEN, amount: amount(10n ** 12n) },
        { account: 'equity:faucet', assetId: TOKEN, amount: amount(-(10n ** 12n)) },
      ],
    }),
    job(index: number): LifeJob {
      const drawnJob = drawn(index);
      const { job, events, isPaid } = drawnJob;
      if (job.error !== null) return { job, events, isPaid, posting: null };
      const channelId = job.channelId ?? '';
      const charged = 2_000n + BigInt(index % 5_000);
      const total = (cumulative.get(channelId) ?? 0n) + charged;
      cumulative.set(channelId, total);
      if (isPaid) owed.set(channelId, (owed.get(channelId) ?? 0n) + charged);
      const money = { charged: charged.toString(), cumulative: total.toString() };
      const receipt = job.side === 'sold' ? receiptOf({ ...job, ...money }, signer) : null;
      const whole: Job = { ...job, ...money, receipt };
      return { job: whole, events, isPaid, posting: charge(whole, charged) };
    },
    /** Claims and pays out what the batch's settled jobs charged, and funds what they bought. */
    payout(batch: number): PostingRequest[] {
      const claims = [...owed].map(([channelId, value]) => ({ channelId, value }));
      owed.clear();
      return payoutOf(claims, { batch, atMs: atMsOf(batch) + 1 });
    },
  };
}

function receiptOf(job: Job, signer: Signer): string {
  return signReceipt(signer, {
    job: job.id,
    peer: signer.peer,
    modelSha256: 'a'.repeat(64),
    inputTokens: job.inputTokens ?? 0,
    outputTokens: job.outputTokens ?? 0,
    price: PRICE,
    assetId: TOKEN,
    channelId: job.channelId ?? '',
    charged: job.charged ?? '0',
    cumulative: job.cumulative ?? '0',
    tokenHash: Buffer.from(job.id).toString('hex').slice(0, 64),
    finishReason: 'stop',
    atMs: job.endedAtMs ?? 0,
  });
}

function charge(job: Job, value: bigint): PostingRequest {
  const [kind, from, to] =
    job.side === 'sold'
      ? (['job-charged', 'income:jobs', 'channels:owed'] as const)
      : (['job-bought', 'wallet', 'expense:inference'] as const);
  const { channelId } = job;
  return {
    key: `job:${job.id}:charged`,
    atMs: job.endedAtMs ?? 0,
    kind,
    description: `Served ${job.model}`,
    jobId: job.id,
    model: job.model,
    peer: job.peer,
    lines: [
      { account: to, assetId: TOKEN, amount: amount(value), channelId },
      { account: from, assetId: TOKEN, amount: amount(-value), channelId },
    ],
  };
}

function payoutOf(
  claims: readonly { readonly channelId: string; readonly value: bigint }[],
  { batch, atMs }: { readonly batch: number; readonly atMs: number },
): PostingRequest[] {
  if (claims.length === 0) return [];
  const hash = (kind: number) => `0x${kind}${batch.toString(16).padStart(63, '0')}`;
  const total = claims.reduce((sum, { value }) => sum + value, 0n);
  return [
    {
      key: `claim:${hash(1)}`,
      atMs,
      kind: 'channels-claimed',
      description: 'Claimed',
      txHash: hash(1),
      lines: claims.flatMap(({ channelId, value }) => [
        { account: 'contract:claimed', assetId: TOKEN, amount: amount(value), channelId } as const,
        { account: 'channels:owed', assetId: TOKEN, amount: amount(-value), channelId } as const,
      ]),
    },
    {
      key: `settle:${hash(2)}`,
      atMs,
      kind: 'payout',
      description: 'Paid out to the wallet',
      txHash: hash(2),
      lines: [
        { account: 'wallet', assetId: TOKEN, amount: amount(total) },
        { account: 'contract:claimed', assetId: TOKEN, amount: amount(-total) },
      ],
    },
  ];
}
