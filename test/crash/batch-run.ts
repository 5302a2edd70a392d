/** A batch on the practice network whose processes are killed: counts lines, answers and charges on both sides. */
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { CHAT_PATH } from '../../shared/wire.ts';
import { pause } from './pause.ts';
import type { Target } from './plan.ts';
import { type CrashNetwork, startCrashNetwork } from './practice-network.ts';

export interface BatchRunOptions {
  readonly home: string;
  readonly lines: number;
  readonly kills: number;
  readonly maxTokens: number;
  readonly onStderr?: (line: string) => void;
  readonly onKill?: (line: string) => void;
}

export interface BatchRunSummary {
  readonly lines: number;
  readonly kills: number;
  readonly status: string;
  /** Lines in the output file, in the error file, and different custom IDs in both. */
  readonly answered: number;
  readonly failed: number;
  readonly distinct: number;
  /** Codes of the errors. */
  readonly errors: Readonly<Record<string, number>>;
  /** Base units: of all lines, charged by the provider, and recorded by the requester. */
  readonly chargedByLines: bigint;
  readonly earned: bigint;
  readonly spent: bigint;
  /** Jobs that the provider charged; a line that was interrupted may consist of several. */
  readonly chargedJobs: number;
  /** Custom IDs of the lines for which more than one job was charged. */
  readonly paidTwice: readonly string[];
  /** Custom IDs of the lines whose charge isn't the sum of their jobs' charges. */
  readonly wrong: readonly string[];
  /** Charged jobs of the requester that belong to no line. */
  readonly strays: readonly string[];
}

interface BatchObject {
  readonly id: string;
  readonly status: string;
  readonly output_file_id: string | null;
  readonly error_file_id: string | null;
  readonly request_counts: { readonly completed: number; readonly failed: number };
}

interface ResultLine {
  readonly custom_id: string;
  readonly error: { readonly code: string } | null;
  readonly response: { readonly body: { readonly error?: { readonly code: string } } } | null;
  readonly idlewatt: { readonly charged: string | null; readonly jobs: readonly string[] };
}

/** Each process in turn, and all of them together as in a power failure. */
const KILLED: readonly Target[] = ['engine', 'requester', 'machine', 'agent'];
const CHECK_MS = 100;
/** Without a further line for this long, the batch hangs. */
const STALL_MS_MAX = 180_000;
const LEDGER_MS_MAX = 30_000;

export async function runBatchWithKills(options: BatchRunOptions): Promise<BatchRunSummary> {
  const network = await startCrashNetwork(options.home, {}, options.onStderr ?? (() => undefined));
  try {
    return await run(network, options);
  } finally {
    await network.stop();
  }
}

async function run(network: CrashNetwork, options: BatchRunOptions): Promise<BatchRunSummary> {
  const { lines, kills } = options;
  const id = await begin(network, options);
  for (let kill = 1; kill <= kills; kill += 1) {
    const before = await reached(network, id, Math.floor((lines * kill) / (kills + 1)));
    const target = KILLED[kill % KILLED.length] ?? 'machine';
    await network.kill(target);
    await network.recover();
    options.onKill?.(`kill ${kill} of ${target} after ${before} lines`);
  }
  await reached(network, id, Number.POSITIVE_INFINITY);
  const batch = await find(network, id);
  const output = await results(network, batch.output_file_id);
  const errors = await results(network, batch.error_file_id);
  const all = [...output, ...errors];
  const chargedByLines = all.reduce((sum, line) => sum + chargeOf(line), 0n);
  const sums = await agreed(network, chargedByLines);
  return {
    ...{ lines, kills, status: batch.status, answered: output.length, failed: errors.length },
    distinct: new Set(all.map(({ custom_id }) => custom_id)).size,
    errors: countCodes(errors),
    chargedByLines,
    ...sums,
    ...compare(all, network.books().requester.costs),
  };
}

const chargeOf = ({ idlewatt }: Pick<ResultLine, 'idlewatt'>) => BigInt(idlewatt.charged ?? 0);

/** Compares the lines with the jobs that the requester's database has as charged; `costs` is by job ID. */
export function compare(
  lines: readonly Pick<ResultLine, 'custom_id' | 'idlewatt'>[],
  costs: ReadonlyMap<string, bigint>,
): Pick<BatchRunSummary, 'paidTwice' | 'wrong' | 'strays'> {
  const left = new Map(costs);
  const paidTwice: string[] = [];
  const wrong: string[] = [];
  for (const line of lines) {
    const ids = line.idlewatt.jobs.map((job) => job.replaceAll('-', ''));
    const charged = ids.flatMap((id) => left.get(id) ?? []);
    for (const id of ids) left.delete(id);
    if (charged.length > 1) paidTwice.push(line.custom_id);
    if (charged.reduce((sum, cost) => sum + cost, 0n) !== chargeOf(line)) wrong.push(line.custom_id);
  }
  return { paidTwice, wrong, strays: [...left.keys()] };
}

/** The lines of a file, each with a prompt of its own. */
export function storyLines(lines: number, maxTokens: number, model: string = TINY_MODEL_ID) {
  return Array.from({ length: lines }, (_, index) => ({
    custom_id: `line-${index}`,
    method: 'POST',
    url: CHAT_PATH,
    body: {
      model,
      messages: [{ role: 'user', content: `Tell story number ${index}.` }],
      max_tokens: maxTokens,
      seed: index,
    },
  }));
}

async function begin(network: CrashNetwork, { lines, maxTokens }: BatchRunOptions): Promise<string> {
  const content = storyLines(lines, maxTokens)
    .map((line) => JSON.stringify(line))
    .join('\n');
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob([content]), 'stories.jsonl');
  const file = (await (await call(network, '/files', { method: 'POST', body: form })).json()) as {
    id: string;
  };
  const response = await call(network, '/batches', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ input_file_id: file.id, endpoint: CHAT_PATH, completion_window: '24h' },
    }),
  });
  return ((await response.json()) as BatchObject).id;
}

function call(network: CrashNetwork, path: string, init: RequestInit = {}): Promise<Response> {
  const { baseUrl, key } = network.gateway();
  return fetch(`${baseUrl}${path}`, {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${key}` },
  });
}

async function find(network: CrashNetwork, id: string): Promise<BatchObject> {
  return (await (await call(network, `/batches/${id}`)).json()) as BatchObject;
}

/** Waits until this many lines have ended (all: until the batch has ended) and returns their number. */
async function reached(network: CrashNetwork, id: string, lines: number): Promise<number> {
  let last = -1;
  let changedMs = performance.now();
  for (;;) {
    const batch = await find(network, id).catch(() => null);
    const done = batch === null ? last : batch.request_counts.completed + batch.request_counts.failed;
    if (batch !== null && ['completed', 'failed', 'expired'].includes(batch.status)) return done;
    if (batch?.status === 'in_progress' && done >= lines && last >= 0 && lines > 0) return done;
    if (done !== last) changedMs = performance.now();
    last = done;
    if (performance.now() - changedMs > STALL_MS_MAX)
      throw new Error(`the batch hangs: ${JSON.stringify(batch)}`);
    await pause(CHECK_MS);
  }
}

async function results(network: CrashNetwork, fileId: string | null): Promise<readonly ResultLine[]> {
  if (fileId === null) return [];
  const text = await (await call(network, `/files/${fileId}/content`)).text();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ResultLine);
}

function countCodes(errors: readonly ResultLine[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { error, response } of errors) {
    const code = error?.code ?? response?.body.error?.code ?? 'unknown';
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}

/** The requester learns the charges of interrupted jobs within seconds. */
async function agreed(
  network: CrashNetwork,
  chargedByLines: bigint,
): Promise<Pick<BatchRunSummary, 'earned' | 'spent' | 'chargedJobs'>> {
  const { token } = network.chain().network;
  for (const deadline = performance.now() + LEDGER_MS_MAX; ; await pause(CHECK_MS)) {
    const { provider, requester } = network.books();
    const earned = -(provider.sums.get(`income:jobs ${token.id}`) ?? 0n);
    const spent = requester.sums.get(`expense:inference ${token.id}`) ?? 0n;
    if ((earned === spent && spent === chargedByLines) || performance.now() > deadline)
      return { earned, spent, chargedJobs: provider.charged };
  }
}
