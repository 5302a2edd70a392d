/** The OpenAI-compatible service on loopback that buys: finds a provider, pays it, passes its answer on. */
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { Offer, OfferedModel, Receipt } from '../../../shared/offer.ts';
import {
  type AskedCompletion,
  answerTokensMax,
  CHAT_PATH,
  readCompletion,
  TEXT_PATH,
  textsOf,
  type Usage,
} from '../../../shared/openai.ts';
import {
  type AnswerHead,
  type AnswerPiece,
  closingEvents,
  openingEvent,
  pieceEvent,
  usage as usageOf,
  wholeAnswer,
} from '../../../shared/openai-answer.ts';
import { toOpenAiError } from '../../../shared/openai-errors.ts';
import { inputTokensMax } from '../../../shared/price.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { Network, VerifySigned } from '../../ports/network.ts';
import type { Payer } from '../../ports/payments.ts';
import type { Directory } from '../network/index.ts';
import { EVENT_STREAM_HEADERS, eventStream } from '../sse/index.ts';
import { type Candidate, rank } from './choice.ts';
import { checkRequest } from './guard.ts';
import { listModels } from './models.ts';
import {
  type Batch,
  PAYMENT_CORRECTED,
  type Purchase,
  type PurchaseContext,
  type PurchaseLimits,
  startPurchase,
} from './purchase.ts';

export interface GatewayOptions {
  readonly network: Pick<Network, 'fetch'>;
  readonly directory: Directory;
  readonly payer: Payer;
  readonly verifySigned: VerifySigned;
  readonly clock: Clock;
  readonly jobs: JobStore;
  /** What clients send as their API key. */
  readonly key: string;
  /** Which offers may be bought: asset, network, price limit. Default: all. */
  readonly accepts?: (offer: Offer, model: OfferedModel) => boolean;
  readonly limits?: Partial<PurchaseLimits>;
  /** The receipt is null when it did not come or does not hold. Must not throw. */
  readonly onBought: (job: Job, receipt: Receipt | null) => void;
  /** What was not expected, for the log; never content. */
  readonly onFault: (error: unknown) => void;
}

export interface GatewayService {
  readonly app: Hono;
  /** Resolves when every purchase that was begun is booked. */
  idle(): Promise<void>;
}

const LIMITS: PurchaseLimits = { firstEventMs: 300_000, silenceMs: 60_000, receiptMs: 15_000 };
const BODY_BYTES_MAX = 1024 * 1024;
const STALL_MS = 300_000;
/** Attempts for one request, over all providers. */
const ATTEMPTS_MAX = 6;
/**
 * Waits before a provider is asked again after it refused a payment or broke off: a channel whose last
 * request was left early is busy until the provider's engine has made its current token.
 */
const RETRY_DELAYS_MS = [0, 150, 600, 2_000];
const AVOID_CHEAT_MS = 3_600_000;
/** A peer that failed is asked last for this long; better a shaky one than none. */
const SHAKY_MS = 30_000;

/** An answer that has begun: the first batch is here, so the provider works. */
interface Begun {
  readonly purchase: Purchase;
  readonly first: Batch;
}

/** See {@link GatewayService}. */
export function createGateway(options: GatewayOptions): GatewayService {
  const { directory, clock, key } = options;
  const accepts = options.accepts ?? (() => true);
  const shakyUntilMs = new Map<string, number>();
  const concluding = new Set<Promise<void>>();
  const context: PurchaseContext = {
    ...options,
    limits: { ...LIMITS, ...options.limits },
    onCheat: (peer) => directory.avoid(peer, AVOID_CHEAT_MS),
  };

  function conclude(purchase: Purchase, cause?: AppError): Promise<void> {
    const done = purchase.conclude(cause);
    concluding.add(done);
    return done.finally(() => concluding.delete(done));
  }

  async function candidates(asked: AskedCompletion): Promise<readonly Candidate[]> {
    const wanted = {
      modelId: asked.model,
      inputTokens: inputTokensMax(textsOf(asked)),
      outputTokens: asked.maxTokens ?? 0,
    };
    const selling = await directory.find(asked.model);
    if (selling.length === 0) throw notOffered();
    const ranked = rank(selling, wanted, accepts);
    if (ranked.length > 0) return shakyLast(ranked);
    if (rank(selling, wanted, () => true).length > 0)
      throw new AppError('no-provider', 'Nobody offers that model at terms that are accepted here.');
    throw new AppError('context-exceeded', 'The answer does not fit the context of the model.', {
      details: { param: 'max_tokens' },
    });
  }

  function shakyLast(ranked: readonly Candidate[]): readonly Candidate[] {
    const nowMs = clock.now();
    for (const [peer, untilMs] of shakyUntilMs) if (untilMs <= nowMs) shakyUntilMs.delete(peer);
    const shaky = ({ peer }: Candidate) => shakyUntilMs.has(peer);
    return [...ranked.filter((each) => !shaky(each)), ...ranked.filter(shaky)];
  }

  /** Tries one provider after the other until one has begun to answer. */
  async function begin(asked: AskedCompletion, requester: AbortSignal): Promise<Begun> {
    const queue = [...(await candidates(asked))];
    const retries = new Map<string, number>();
    let failure: AppError | null = null;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const candidate = queue.shift();
      if (!candidate) break;
      try {
        return await attemptOne(candidate, asked, requester);
      } catch (error) {
        if (!isAppError(error) || requester.aborted) throw error;
        failure = error;
        const again = await whatNow(error, candidate, retries);
        if (again === 'stop') throw error;
        if (again) queue.unshift(again);
      }
    }
    throw failure ?? new AppError('no-provider', 'Nobody offers that model right now.');
  }

  async function attemptOne(
    candidate: Candidate,
    asked: AskedCompletion,
    requester: AbortSignal,
  ): Promise<Begun> {
    const maxTokens = answerTokensMax(asked, candidate.model.contextTokens);
    const purchase = await startPurchase(context, candidate, { ...asked, maxTokens }, requester);
    try {
      let first = await purchase.next();
      while (first.pieces.length === 0 && !first.end) first = await purchase.next();
      return { purchase, first };
    } catch (error) {
      await conclude(purchase, asFailure(error));
      throw error;
    }
  }

  /** After a failed attempt: a candidate to try before the others, none, or that nothing will help. */
  async function whatNow(
    error: AppError,
    candidate: Candidate,
    retries: Map<string, number>,
  ): Promise<Candidate | 'stop' | null> {
    const { peer } = candidate;
    const counter = `${peer} ${error.code}`;
    const tried = retries.get(counter) ?? 0;
    retries.set(counter, tried + 1);
    switch (error.code) {
      case 'bad-request':
      case 'context-exceeded':
      case 'insufficient-funds':
      case 'chain-unavailable':
        return 'stop';
      case 'payment-required': {
        const delayMs = RETRY_DELAYS_MS[tried];
        if (error.details.reason !== PAYMENT_CORRECTED || delayMs === undefined) return null;
        await pause(error.details.code === 'channel-busy' ? delayMs : 0);
        return renewed(candidate);
      }
      case 'model-unavailable':
        await directory.refresh(peer);
        return null;
      case 'peer-unreachable':
      case 'engine-failed':
        shakyUntilMs.set(peer, clock.now() + SHAKY_MS);
        return tried === 0 && directory.providers().length === 1 ? candidate : null;
      default:
        return null;
    }
  }

  /** The candidate at its price of now: a price that rose makes a voucher too small. */
  async function renewed(candidate: Candidate): Promise<Candidate | null> {
    const { peer } = candidate;
    const offer = await directory.refresh(peer);
    const model = offer?.models.find(({ id }) => id === candidate.model.id);
    return offer && model && accepts(offer, model) ? { peer, offer, model } : null;
  }

  function pause(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (durationMs === 0) resolve();
      else clock.after(durationMs, resolve);
    });
  }

  async function buy(request: Context, kind: 'chat' | 'text'): Promise<Response> {
    const asked = readCompletion(kind, await readJson(request));
    const gone = new AbortController();
    const left = () => gone.abort();
    const { signal } = request.req.raw;
    if (signal.aborted) left();
    else signal.addEventListener('abort', left, { once: true });
    const begun = await begin(asked, gone.signal);
    const head: AnswerHead = {
      asked,
      jobId: begun.purchase.jobId,
      createdAtS: Math.floor(clock.now() / 1_000),
    };
    if (!asked.stream) return whole(head, begun);
    const body = eventStream(pieces(head, begun, gone.signal), { clock, stallMs: STALL_MS, onGone: left });
    return new Response(body, { headers: EVENT_STREAM_HEADERS });
  }

  async function* pieces(
    head: AnswerHead,
    { purchase, first }: Begun,
    gone: AbortSignal,
  ): AsyncGenerator<string, void> {
    let complete = false;
    try {
      let batch = first;
      let text = openingEvent(head);
      let outputTokens = 0;
      while (true) {
        for (const piece of batch.pieces) {
          text += pieceEvent(head, piece);
          outputTokens += piece.tokens.length;
        }
        if (batch.end) {
          complete = true;
          const counted = batch.end.usage ?? usageOf(0, outputTokens);
          // The receipt is read while the client already goes on.
          void conclude(purchase);
          yield text + closingEvents(head, batch.end.finishReason, counted);
          return;
        }
        if (text !== '') yield text;
        text = '';
        batch = await purchase.next();
      }
    } catch (error) {
      complete = true;
      void conclude(purchase, asFailure(error));
      yield `data: ${JSON.stringify(toOpenAiError(error).body)}\n\n`;
    } finally {
      if (!complete) {
        const cause = gone.aborted ? 'The requester left.' : 'The answer was ended.';
        void conclude(purchase, new AppError('aborted', cause));
      }
    }
  }

  async function whole(head: AnswerHead, { purchase, first }: Begun): Promise<Response> {
    const all: AnswerPiece[] = [];
    let batch = first;
    try {
      while (true) {
        all.push(...batch.pieces);
        if (batch.end) break;
        batch = await purchase.next();
      }
    } catch (error) {
      await conclude(purchase, asFailure(error));
      throw error;
    }
    void conclude(purchase);
    const piece = {
      text: all.map(({ text }) => text).join(''),
      tokens: all.flatMap(({ tokens }) => tokens),
    };
    const counted: Usage = batch.end.usage ?? usageOf(0, piece.tokens.length);
    return Response.json(wholeAnswer(head, piece, batch.end.finishReason, counted));
  }

  const app = new Hono();
  app.use(async (request, next) => {
    checkRequest((name) => request.req.header(name), key);
    await next();
  });
  app.use(
    bodyLimit({
      maxSize: BODY_BYTES_MAX,
      onError: () => {
        throw new AppError('bad-request', 'The body is too long.', { details: { code: 'invalid_body' } });
      },
    }),
  );
  app.get('/v1/models', async (request) =>
    request.json({ object: 'list', data: listModels(await directory.find(null), accepts) }),
  );
  app.get('/v1/models/:id{.+}', async (request) => {
    const id = request.req.param('id');
    const found = listModels(await directory.find(id), accepts).find((model) => model.id === id);
    if (!found) throw notOffered();
    return request.json(found);
  });
  app.post(CHAT_PATH, (request) => buy(request, 'chat'));
  app.post(TEXT_PATH, (request) => buy(request, 'text'));
  app.post('/v1/embeddings', () => {
    throw new AppError('unsupported', 'Embeddings cannot be bought here yet.');
  });
  app.notFound((request) => refuse(request, new AppError('not-found', 'There is nothing at this path.')));
  app.onError((error, request) => {
    if (!isAppError(error)) options.onFault(error);
    return refuse(request, error);
  });

  return {
    app,
    async idle() {
      while (concluding.size > 0) await Promise.all(concluding);
    },
  };
}

function notOffered(): AppError {
  return new AppError('model-unavailable', 'Nobody offers that model right now.', {
    details: { param: 'model' },
  });
}

function asFailure(error: unknown): AppError {
  return isAppError(error)
    ? error
    : new AppError('engine-failed', 'The answer could not be passed on.', { cause: error });
}

async function readJson(request: Context): Promise<unknown> {
  try {
    return await request.req.json();
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    throw new AppError('bad-request', 'The body is not JSON.', { details: { code: 'invalid_body' } });
  }
}

function refuse(request: Context, error: unknown): Response {
  const { status, body } = toOpenAiError(error);
  if (status === 429 || status === 503) request.header('retry-after', '2');
  return request.json(body, status as ContentfulStatusCode);
}
