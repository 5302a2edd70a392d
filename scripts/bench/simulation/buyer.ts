/** A simulated buyer: the gateway's own choosing, hedging and continuing, its budget and its experience, on a simulated market. */
import { createBudget } from '../../../main/core/budget/index.ts';
import { beginAnswer } from '../../../main/core/gateway/answer.ts';
import { createCandidates } from '../../../main/core/gateway/candidates.ts';
import { createOpinionBuyer } from '../../../main/core/gateway/opinion-buyer.ts';
import { createPrefixHolders } from '../../../main/core/gateway/prefix-holders.ts';
import {
  createProviderSearch,
  type ProviderSearchOptions,
} from '../../../main/core/gateway/provider-search.ts';
import { createTokenRates } from '../../../main/core/gateway/token-rates.ts';
import type { Directory, Provider } from '../../../main/core/network/index.ts';
import { createExperience, type Experience, measureRoundTrips } from '../../../main/core/reputation/index.ts';
import type { JobStore } from '../../../main/ports/jobs.ts';
import type { RecordStore } from '../../../main/ports/store.ts';
import type { OpinionSource } from '../../../shared/answer-check.ts';
import type { AskedCompletion } from '../../../shared/asked.ts';
import { BUYING_DEFAULTS } from '../../../shared/buying-limits.ts';
import { isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import { readCompletion } from '../../../shared/openai.ts';
import { openAuditing, openReports } from './auditing.ts';
import type { SimulatedClock } from './clock.ts';
import { type Connection, connect, KEY_CHARACTERS, type Market } from './market.ts';
import { ANSWER_MARK, MODEL, type SimulatedProvider, wordAt } from './provider.ts';

/** Providers whose offers a buyer keeps: one lookup's worth of a large market. */
const VIEW_MAX = 128;
const REFRESH_MS = 60_000;
/** For which a provider is left out after an alarm; for less if it is only doubted. */
const ALARM_MS = 86_400_000;
/** A signed offer with its headers. */
const OFFER_BYTES = 1_800;
/** A request and a response of one step of a lookup, with 20 peers in it; a lookup asks 3 peers in each step. */
const LOOKUP_STEP_BYTES = 3 * 2_200;

export interface Ended {
  /** Code of the failure; null if the whole answer arrived. */
  readonly error: string | null;
  readonly firstTokenMs: number | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Buyer {
  readonly side: 0 | 1;
  readonly connection: Connection;
  ask(request: {
    readonly id: number;
    readonly inputBytes: number;
    readonly outputTokens: number;
  }): Promise<Ended>;
  /** Offers that the next request would be compared with. */
  view(): readonly SimulatedProvider[];
  /** Base units that the budget counts as spent. */
  spent(): bigint;
  idle(): Promise<void>;
  bytes(): number;
  /** Bills that were rejected. */
  falseBills(): number;
  /** Answers whose receipt was accepted. */
  readonly bought: readonly Bought[];
  /** Providers whose answers raised an alarm, and when, since the epoch. */
  readonly alarmed: ReadonlyMap<SimulatedProvider, number>;
  /** Providers that two others contradicted, with each time, and without those that raised an alarm then. */
  readonly doubted: readonly SimulatedProvider[];
  /** Base units that opinions cost. */
  opinionsCost(): bigint;
  /** True if it has the model. */
  readonly checks: boolean;
}

export interface Bought {
  readonly provider: SimulatedProvider;
  readonly startedAtMs: number;
}

export interface BuyerParts {
  readonly market: Market;
  readonly side: 0 | 1;
  readonly onlineAtRandom: () => SimulatedProvider;
  /** See {@link import('./auditing.ts').AuditingParts.own}. */
  readonly own: SimulatedProvider | null;
  /** Providers that are asked for opinions where it doesn't have the model. */
  readonly opinionsFrom: OpinionSource;
}

export function createBuyer({ market, side, onlineAtRandom, own, opinionsFrom }: BuyerParts): Buyer {
  const { clock, random } = market;
  const records = memoryRecords();
  const budget = createBudget({
    ...{ records, clock, log: SILENT_LOG, depositUsual: 1_000_000n },
    uptime: { sinceStartMs: clock.monotonic, startId: 'simulation' },
    settings: () => BUYING_DEFAULTS,
  });
  const connection = connect(market, side, budget);
  const { network } = connection;
  const parts = { market, records, log: SILENT_LOG, network };
  const reports = openReports(parts, () => experience);
  const experience: Experience = createExperience({ records, clock, audits: reports.of });
  const view = createView(market, side, { onlineAtRandom, onOffer: reports.consider });
  const bought: Bought[] = [];
  const alarmed = new Map<SimulatedProvider, number>();
  const doubted: SimulatedProvider[] = [];
  let falseBills = 0;
  let opinionsCost = 0n;
  const directory = view.directory(measureRoundTrips(connection.network, experience, clock));
  const auditing = openAuditing({
    ...{ ...parts, own, experience, opinionsFrom },
    buyOpinion: (wanted) => buyOpinion(wanted),
    directory: {
      avoid(peer, forMs) {
        const provider = market.providers.get(peer) as SimulatedProvider;
        if (forMs < ALARM_MS) doubted.push(provider);
        else alarmed.set(provider, clock.now());
        directory.avoid(peer, forMs);
      },
    },
  });
  const holders = createPrefixHolders();
  const candidates = createCandidates({
    ...{ directory, clock, holders, experience, random: random.next },
    accepts: () => true,
  });
  const context: ProviderSearchOptions['context'] = {
    ...{ network: connection.network, payer: connection.payer, clock, jobs: memoryJobs() },
    verifySigned: async (jws) => JSON.parse(jws),
    tokenizer: { recount: async () => null },
    rates: createTokenRates(),
    onBought({ peer, startedAtMs }, receipt) {
      const provider = market.providers.get(peer) as SimulatedProvider;
      if (receipt !== null) bought.push({ provider, startedAtMs: startedAtMs ?? clock.now() });
    },
    // No answer is the buyer's own.
    onProven: (answer) => answer.peer !== own?.peer && auditing.consider(answer),
    onUnexpected(error) {
      throw error;
    },
    onCheat(peer) {
      falseBills += 1;
      directory.avoid(peer, ALARM_MS);
      experience.noteEnd(peer, '', { kind: 'cheated' });
    },
    limits: { firstEventMs: 300_000, silenceMs: 60_000, receiptMs: 15_000 },
  };
  const search = createProviderSearch({
    ...{ directory, candidates, holders, experience, context, isTrusted: budget.isTrusted },
  });
  const buyOpinion = createOpinionBuyer({
    ...{ candidates, experience, search, budget, random: random.next, checkRecordable: () => undefined },
    context: {
      ...context,
      onBought({ charged }) {
        opinionsCost += BigInt(charged ?? 0);
      },
    },
  });

  const ask: Buyer['ask'] = (request) => {
    const answering = {
      ...{ asked: askedOf(request), onPause: { kind: 'elsewhere' as const }, apiKey: null, opinionsFrom },
      ...{ budget: budget.openRequest(null), requester: new AbortController().signal },
    };
    return readAnswer({ clock, connection, request, begin: () => beginAnswer({ search, clock }, answering) });
  };

  return {
    ...{ side, connection, ask, idle: search.idle },
    view: view.reachable,
    spent: () => budget.spentDay(),
    bytes: () => connection.bytes() + view.bytes(),
    falseBills: () => falseBills,
    ...{ bought, alarmed, doubted, checks: own !== null, opinionsCost: () => opinionsCost },
  };
}

type Request = Parameters<Buyer['ask']>[0];

function keyOf({ id }: Request): string {
  return String(id).padStart(KEY_CHARACTERS, '0');
}

function promptOf(request: Request): string {
  return keyOf(request).padEnd(request.inputBytes, 'x') + ANSWER_MARK;
}

function askedOf(request: Request): AskedCompletion {
  const body = { model: MODEL, prompt: promptOf(request), max_tokens: TOKENS_MAX };
  // Without a seed, the gateway draws one at random, and no run could be repeated.
  return { ...readCompletion('text', body), seed: request.id };
}

interface Reading {
  readonly clock: SimulatedClock;
  readonly connection: Connection;
  readonly request: Request;
  readonly begin: () => ReturnType<typeof beginAnswer>;
}

/** Reads a whole answer, and checks it. */
async function readAnswer({ clock, connection, request, begin }: Reading): Promise<Ended> {
  const { outputTokens } = request;
  const startMs = clock.monotonic();
  const known = { inputTokens: Math.ceil(promptOf(request).length / 4), outputTokens };
  connection.totals.set(keyOf(request), outputTokens);
  let firstTokenMs: number | null = null;
  let text = '';
  try {
    const answer = await begin();
    firstTokenMs = clock.monotonic() - startMs;
    for (let hasEnded = false; !hasEnded; ) {
      const batch = await answer.next().catch(async (error: unknown) => {
        await answer.conclude(isAppError(error) ? error : undefined);
        throw error;
      });
      for (const piece of batch.pieces) text += piece.text;
      hasEnded = batch.end !== null;
    }
    void answer.conclude();
    checkWhole(text, outputTokens);
    return { ...known, firstTokenMs, error: null };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { ...known, firstTokenMs, error: String(error.details.code ?? error.code) };
  } finally {
    connection.totals.delete(keyOf(request));
  }
}

const TOKENS_MAX = 512;

/** Fails if a token of the answer is missing, doubled or out of order. */
function checkWhole(text: string, tokens: number): void {
  const expected = Array.from({ length: tokens }, (_, index) => wordAt(index)).join('');
  if (text !== expected) throw new Error(`an answer of ${tokens} tokens arrived as ${text.slice(0, 200)}`);
}

interface View {
  directory(fetch: ReturnType<typeof measureRoundTrips>): Directory;
  reachable(): readonly SimulatedProvider[];
  bytes(): number;
}

/** The offers that a buyer has, renewed once a minute; providers that have left are replaced by random ones. */
function createView(
  market: Market,
  side: 0 | 1,
  {
    onlineAtRandom,
    onOffer,
  }: { readonly onlineAtRandom: () => SimulatedProvider; readonly onOffer: (peer: string) => void },
): View {
  const { clock, providers } = market;
  const known = new Set<SimulatedProvider>();
  const avoided = new Map<string, number>();
  const steps = Math.ceil(Math.log2(providers.size / 20 + 1)) + 1;
  let refreshedAtMs = Number.NEGATIVE_INFINITY;
  let bytes = 0;
  const isReachable = (each: SimulatedProvider) => each.isOnline && (!market.isSplit || each.side === side);

  function refresh(): void {
    if (clock.monotonic() - refreshedAtMs < REFRESH_MS) return;
    refreshedAtMs = clock.monotonic();
    for (const each of known) if (!isReachable(each)) known.delete(each);
    if (known.size < VIEW_MAX) bytes += steps * LOOKUP_STEP_BYTES;
    for (let draws = 0; known.size < VIEW_MAX && draws < 2 * VIEW_MAX; draws += 1) {
      const drawn = onlineAtRandom();
      if (isReachable(drawn)) known.add(drawn);
    }
    for (const each of known) {
      each.bytes += OFFER_BYTES;
      onOffer(each.peer);
    }
    bytes += known.size * OFFER_BYTES;
  }

  function selling(): readonly SimulatedProvider[] {
    refresh();
    const nowMs = clock.monotonic();
    return [...known].filter(({ peer }) => (avoided.get(peer) ?? 0) <= nowMs);
  }

  return {
    bytes: () => bytes,
    reachable: () => selling().filter(isReachable),
    directory: () => ({
      start: () => undefined,
      stop: () => undefined,
      providers: selling,
      offeredWithin: () => true,
      async find(_model, without): Promise<readonly Provider[]> {
        return selling().filter(({ peer }) => !without?.has(peer));
      },
      async refresh(peer) {
        const provider = providers.get(peer);
        return provider !== undefined && isReachable(provider) ? provider.offer : null;
      },
      avoid: (peer, forMs) =>
        void avoided.set(peer, Math.max(avoided.get(peer) ?? 0, clock.monotonic() + forMs)),
      peersAheadMs: () => 0,
      onChange: () => () => undefined,
    }),
  };
}

function memoryRecords(): RecordStore {
  const collections = new Map<string, Map<string, string>>();
  const of = (name: string) => {
    const found = collections.get(name) ?? new Map<string, string>();
    collections.set(name, found);
    return found;
  };
  return {
    get: (collection, key) => of(collection).get(key) ?? null,
    list: (collection) => [...of(collection)].map(([key, value]) => ({ key, value })),
    set: (collection, key, value) => void of(collection).set(key, value),
    delete: (collection, key) => of(collection).delete(key),
    update(collection, key, change) {
      const next = change(of(collection).get(key) ?? null);
      if (next === null) of(collection).delete(key);
      else of(collection).set(key, next);
      return next;
    },
  };
}

/** Keeps only jobs in progress. */
function memoryJobs(): JobStore {
  const jobs = new Map<string, Job>();
  return {
    insert: (job) => void jobs.set(job.id, job),
    update(id, patch) {
      const job = { ...(jobs.get(id) as Job), ...patch };
      if (job.endedAtMs === null) jobs.set(id, job);
      else jobs.delete(id);
      return job;
    },
    leave: () => undefined,
    durable: async () => undefined,
  };
}

const SILENT_LOG = {
  ...{ debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => null },
  child: () => SILENT_LOG,
} as unknown as Parameters<typeof createBudget>[0]['log'];
