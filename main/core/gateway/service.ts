/** The local OpenAI-compatible service: finds a provider for each request, pays it and passes its answer on. */
import { type Context, Hono } from 'hono';
import { forceUnwrap } from '../../../shared/assert.ts';
import { isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { LoopbackExceptions } from '../../../shared/loopback.ts';
import type { Offer, OfferedModel, Receipt } from '../../../shared/offer.ts';
import { fingerprintOf } from '../../../shared/openai-answer.ts';
import { MAX_PRICE_HEADER, MODELS_PATH, ON_PAUSE_HEADER } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { Network, VerifySigned } from '../../ports/network.ts';
import type { Payer } from '../../ports/payments.ts';
import type { Tokenizer } from '../../ports/tokenizer.ts';
import type { BuyOpinion, ProvenAnswer } from '../answer-checks/index.ts';
import { type Budget, readMaxPrice, UNLIMITED } from '../budget/index.ts';
import type { GatewayKeys, KeyUse } from '../gateway-keys/index.ts';
import type { Directory } from '../network/index.ts';
import {
  answerFailures,
  createFailures,
  type Failures,
  identifyResponses,
  isLateAfter,
  limitBodies,
  onAbort,
  PAID_ENDPOINTS,
  type ReadAsked,
  type ReportUnexpected,
  readJsonBody,
} from '../openai-http/index.ts';
import { type Experience, NO_EXPERIENCE } from '../reputation/index.ts';
import { type Answer, type AnswerRequest, beginAnswer } from './answer.ts';
import { type AnswerBuyer, createAnswerBuyer } from './answer-buyer.ts';
import { createAnswerKeys, NO_ANSWER_FILE } from './answer-keys.ts';
import { type Availability, createAvailability } from './availability.ts';
import { createCandidates, notOffered } from './candidates.ts';
import { allowOrigins } from './cross-origin.ts';
import { checkRequest } from './guard.ts';
import { collectAnswer, type OpenedAnswer, streamAnswer } from './http-answer.ts';
import { createLineBuyer, type LineBuyer } from './line-buyer.ts';
import { listModels } from './models.ts';
import { readOnPause } from './on-pause.ts';
import { createOpinionBuyer } from './opinion-buyer.ts';
import { createPrefixHolders } from './prefix-holders.ts';
import { createProviderSearch, type ProviderSearch } from './provider-search.ts';
import type { PurchaseContext, PurchaseLimits } from './purchase.ts';
import { createTokenRates } from './token-rates.ts';

export interface GatewayOptions {
  readonly network: Pick<Network, 'fetch'>;
  readonly directory: Directory;
  readonly payer: Payer;
  readonly verifySigned: VerifySigned;
  readonly clock: Clock;
  readonly jobs: JobStore;
  /** The API keys of which clients have to send one. */
  readonly keys: Pick<GatewayKeys, 'use' | 'useLater'>;
  /** Web pages and host names that the owner allows. Default: none. */
  readonly exceptions?: () => LoopbackExceptions;
  /** Decides which offers may be bought: asset and network. Default: all. */
  readonly accepts?: (offer: Offer, model: OfferedModel) => boolean;
  /** Limits prices, costs and payments to new providers. Default: none. */
  readonly budget?: Pick<Budget, 'openRequest' | 'isTrusted' | 'takeOpinionPlace'>;
  /** Measurements of this buyer at each provider. Default: nothing is remembered. */
  readonly experience?: Experience;
  /** From 0 to 1, exclusive. Default: Math.random. */
  readonly random?: () => number;
  /** Throws if nothing may be bought now, because it couldn't be recorded. Default: never. */
  readonly checkRecordable?: () => void;
  readonly limits?: Partial<PurchaseLimits>;
  /** Requests in progress or waiting; more are answered with `busy`. */
  readonly requestsMax?: number;
  /** Recounts the tokens of bills where the model file is on this machine. Default: nowhere. */
  readonly tokenizer?: Tokenizer;
  /** Called when a provider's bill is false; `reason` is the failed check. */
  readonly onFalseBill?: (peer: string, reason: string) => void;
  /** Called when a job's charge is known or rejected. The receipt is null if it is missing or invalid. Must not throw. */
  readonly onBought: (job: Job, receipt: Receipt | null) => void;
  /** Called with each answer whose receipt was accepted. Must not throw. */
  readonly onProven?: (answer: ProvenAnswer) => void;
  /** Reports an unexpected failure, which never holds content. Default: reports nothing and returns no incident ID. */
  readonly onUnexpected?: ReportUnexpected;
  /** See {@link createAnswerKeys}. Default: keys of this run alone. */
  readonly answerKey?: (jobId: string) => string;
  /**
   * Adds routes for clients with a key, whose ID `keyIdOf` returns; their bodies have limits of their own. Default: none.
   */
  readonly addRoutes?: (app: Hono, lines: LineBuyer, keyIdOf: (context: Context) => string) => void;
}

export interface GatewayService {
  readonly app: Hono;
  /** Buys the lines of batches. */
  readonly lines: LineBuyer;
  /** Buys answers for another service of this process. */
  readonly answers: AnswerBuyer;
  /** Buys answers to compare others with. */
  readonly buyOpinion: BuyOpinion;
  /** Number of answers that somebody waits for, without the lines of batches, which are collected after a restart. */
  active(): number;
  /** Takes no new requests from now on, except for lines of batches, until the returned function is called. */
  refuseRequests(): () => void;
  /** Resolves when every purchase that was begun is recorded. */
  idle(): Promise<void>;
}

const LIMITS: PurchaseLimits = { firstEventMs: 300_000, silenceMs: 60_000, receiptMs: 15_000 };
const AVOID_CHEAT_MS = 86_400_000;
const RETRY_AFTER_S = 2;
/** A streamed response that hasn't begun by then gets its headers, and comments until it begins. */
const HEADERS_AFTER_MS = 1_000;

/** See {@link GatewayService}. */
export function createGateway(options: GatewayOptions): GatewayService {
  const { directory, clock, keys, experience = NO_EXPERIENCE, random = Math.random } = options;
  const accepts = options.accepts ?? (() => true);
  const budget = options.budget ?? UNLIMITED;
  const onUnexpected = options.onUnexpected ?? (() => null);
  const context: PurchaseContext = {
    ...options,
    onUnexpected,
    limits: { ...LIMITS, ...options.limits },
    tokenizer: options.tokenizer ?? { recount: async () => null },
    rates: createTokenRates(),
    onCheat(peer, reason) {
      directory.avoid(peer, AVOID_CHEAT_MS);
      experience.noteEnd(peer, '', { kind: 'cheated' });
      options.onFalseBill?.(peer, reason);
    },
  };
  const holders = createPrefixHolders();
  const candidates = createCandidates({ directory, clock, accepts, holders, experience, random });
  const { isTrusted } = budget;
  const search = createProviderSearch({
    ...{ context, directory, candidates, holders, experience },
    isTrusted,
  });
  const failures = createFailures(onUnexpected);
  const availability = createAvailability(directory, clock, options.requestsMax);
  const models = async (id: string | null) => listModels(await directory.find(id), accepts);
  const checkRecordable = options.checkRecordable ?? (() => undefined);
  const uses = new WeakMap<Request, KeyUse>();
  const keyOf = ({ req }: Context) => forceUnwrap('an admitted request has a key', uses.get(req.raw));
  const parts: BuyingParts = { search, clock, failures, availability, budget, checkRecordable, keyOf };

  // Some clients end every path with a slash.
  const app = new Hono({ strict: false });
  identifyResponses(app);
  const exceptions = options.exceptions ?? (() => ({ origins: [], hosts: [] }));
  allowOrigins(app, exceptions);
  app.use(async (request, next) => {
    const { method, path } = request.req;
    const header = (name: string) => request.req.header(name);
    uses.set(request.req.raw, checkRequest({ method, path, header }, keys, exceptions()));
    await next();
  });
  const lines = createLineBuyer({
    ...{ answerKey: createAnswerKeys(NO_ANSWER_FILE) },
    ...{ ...parts, ...options, budget, checkRecordable, onUnexpected },
  });
  options.addRoutes?.(app, lines, (context) => keyOf(context).key.id);
  limitBodies(app);
  app.get(MODELS_PATH, async (request) => request.json({ object: 'list', data: await models(null) }));
  app.get(`${MODELS_PATH}/:id{.+}`, async (request) => {
    const id = request.req.param('id');
    const found = (await models(id)).find((model) => model.id === id);
    if (!found) throw availability.explain(notOffered(), id);
    return request.json(found);
  });
  for (const { path, read } of PAID_ENDPOINTS) app.post(path, (request) => buy(parts, request, read));
  answerFailures(app, failures, retryAfterS);

  const answers = createAnswerBuyer({ search, clock, budget, checkRecordable, availability });
  const opining = { context, candidates, experience, search, budget, checkRecordable, random };
  return {
    ...{ app, lines, answers, buyOpinion: createOpinionBuyer(opining) },
    active: () => availability.taken() + answers.active() + search.concluding(),
    refuseRequests: availability.refuse,
    idle: search.idle,
  };
}

function retryAfterS(error: unknown, status: number): number | null {
  if (status !== 429 && status !== 503) return null;
  const given = isAppError(error) ? error.details.retryAfterS : undefined;
  return typeof given === 'number' ? given : RETRY_AFTER_S;
}

interface BuyingParts {
  readonly search: ProviderSearch;
  readonly clock: Clock;
  readonly availability: Availability;
  readonly failures: Failures;
  readonly budget: Pick<Budget, 'openRequest'>;
  readonly checkRecordable: () => void;
  /** The use of the key with which a request came. */
  readonly keyOf: (context: Context) => KeyUse;
}

/**
 * Buys an answer. A streamed one whose provider takes its time gets its headers before it begins; its errors are events
 * then. Until then an error has an HTTP status of its own, by which clients decide whether to retry.
 */
async function buy(parts: BuyingParts, context: Context, read: ReadAsked): Promise<Response> {
  const { clock } = parts;
  const key = parts.keyOf(context);
  const leave = enter(parts, key);
  const clientGone = new AbortController();
  const request = await readRequest(parts, context, { read, key, clientGone }).catch((error: unknown) => {
    leave();
    throw error;
  });
  const { asked } = request;
  const opening = openAnswer(parts, request, leave);
  const isLate = asked.stream && (await isLateAfter(clock, opening, HEADERS_AFTER_MS));
  const streaming = { ...parts, asked, clientGone };
  if (isLate) return streamAnswer(opening, streaming);
  const opened = await opening;
  return asked.stream ? streamAnswer(opened, streaming) : collectAnswer(opened);
}

/** Takes a place for a request of the key; the returned function frees it. */
function enter({ availability }: Pick<BuyingParts, 'availability'>, key: KeyUse): () => void {
  const leaveKey = key.enter();
  try {
    const leave = availability.enter();
    return () => {
      leave();
      leaveKey();
    };
  } catch (error) {
    leaveKey();
    throw error;
  }
}

interface ReadParts {
  readonly read: ReadAsked;
  readonly key: KeyUse;
  readonly clientGone: AbortController;
}

async function readRequest(
  { budget, checkRecordable }: BuyingParts,
  context: Context,
  { read, key, clientGone }: ReadParts,
): Promise<AnswerRequest> {
  const onPause = readOnPause(context.req.header(ON_PAUSE_HEADER));
  const priceMax = readMaxPrice(context.req.header(MAX_PRICE_HEADER));
  const ownersBudget = budget.openRequest(priceMax);
  const requestBudget = key.within(ownersBudget);
  const asked = read(await readJsonBody(context));
  checkRecordable();
  onAbort(context.req.raw.signal, () => clientGone.abort());
  const opinionsFrom = priceMax === null && !key.hasBudget ? 'anybody' : 'nobody';
  return {
    ...{ asked, onPause, apiKey: key.key, opinionsFrom },
    ...{ budget: requestBudget, requester: clientGone.signal },
  };
}

/** Begins an answer; `leave` is called when its purchase is being concluded, or if it doesn't begin. */
async function openAnswer(
  parts: BuyingParts,
  request: AnswerRequest,
  leave: () => void,
): Promise<OpenedAnswer> {
  try {
    const answer = await beginAnswer(parts, request);
    const createdAtS = Math.floor(parts.clock.now() / 1_000);
    const conclude: Answer['conclude'] = (cause) => {
      leave();
      return answer.conclude(cause);
    };
    return {
      answer: { ...answer, conclude },
      head: {
        asked: request.asked,
        jobId: answer.jobId,
        createdAtS,
        fingerprint: fingerprintOf(answer.sha256),
      },
    };
  } catch (error) {
    leave();
    throw parts.availability.explain(error, request.asked.model);
  }
}
