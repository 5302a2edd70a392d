/** The OpenAI-compatible service on loopback that buys: finds a provider, pays it, passes its answer on. */
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { Offer, OfferedModel, Receipt } from '../../../shared/offer.ts';
import { CHAT_PATH, readCompletion, TEXT_PATH } from '../../../shared/openai.ts';
import {
  type AnswerHead,
  type AnswerPiece,
  closingEvents,
  openingEvent,
  pieceEvent,
  wholeAnswer,
} from '../../../shared/openai-answer.ts';
import { toOpenAiError } from '../../../shared/openai-errors.ts';
import { EMBEDDINGS_PATH, MODELS_PATH, ON_PAUSE_HEADER } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { Network, VerifySigned } from '../../ports/network.ts';
import type { Payer } from '../../ports/payments.ts';
import type { Directory } from '../network/index.ts';
import { EVENT_STREAM_HEADERS, eventStream } from '../sse/index.ts';
import { type Answer, beginAnswer } from './answer.ts';
import { checkRequest } from './guard.ts';
import { listModels } from './models.ts';
import { readOnPause } from './on-pause.ts';
import { asFailure, createSeeking, notOffered } from './provider-search.ts';
import type { PurchaseContext, PurchaseLimits } from './purchase.ts';

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
/** Proxies and clients give up connections that say nothing for a minute or less. */
const QUIET_MS_MAX = 15_000;
const AVOID_CHEAT_MS = 3_600_000;

/** See {@link GatewayService}. */
export function createGateway(options: GatewayOptions): GatewayService {
  const { directory, clock, key } = options;
  const accepts = options.accepts ?? (() => true);
  const context: PurchaseContext = {
    ...options,
    limits: { ...LIMITS, ...options.limits },
    onCheat: (peer) => directory.avoid(peer, AVOID_CHEAT_MS),
  };

  const seeking = createSeeking({ context, directory, accepts });

  async function buy(request: Context, kind: 'chat' | 'text'): Promise<Response> {
    const onPause = readOnPause(request.req.header(ON_PAUSE_HEADER));
    const asked = readCompletion(kind, await readJson(request));
    const gone = new AbortController();
    const left = () => gone.abort();
    const { signal } = request.req.raw;
    if (signal.aborted) left();
    else signal.addEventListener('abort', left, { once: true });
    const answer = await beginAnswer({ seeking, clock }, { asked, onPause, requester: gone.signal });
    const head: AnswerHead = { asked, jobId: answer.jobId, createdAtS: Math.floor(clock.now() / 1_000) };
    if (!asked.stream) return whole(head, answer);
    const body = eventStream(pieces(head, answer, gone.signal), {
      clock,
      stallMs: STALL_MS,
      quietMsMax: QUIET_MS_MAX,
      onGone: left,
    });
    return new Response(body, { headers: EVENT_STREAM_HEADERS });
  }

  async function* pieces(head: AnswerHead, answer: Answer, gone: AbortSignal): AsyncGenerator<string, void> {
    let complete = false;
    try {
      let text = openingEvent(head);
      while (true) {
        const batch = await answer.next();
        for (const piece of batch.pieces) text += pieceEvent(head, piece);
        if (batch.end) {
          complete = true;
          // The receipt is read while the client already goes on.
          void answer.conclude();
          yield text + closingEvents(head, batch.end.finishReason, batch.end.usage);
          return;
        }
        if (text !== '') yield text;
        text = '';
      }
    } catch (error) {
      complete = true;
      void answer.conclude(asFailure(error));
      yield `data: ${JSON.stringify(toOpenAiError(error).body)}\n\n`;
    } finally {
      if (!complete) {
        const cause = gone.aborted ? 'The requester left.' : 'The answer was ended.';
        void answer.conclude(new AppError('aborted', cause));
      }
    }
  }

  async function whole(head: AnswerHead, answer: Answer): Promise<Response> {
    const all: AnswerPiece[] = [];
    try {
      while (true) {
        const { pieces: more, end } = await answer.next();
        all.push(...more);
        if (!end) continue;
        void answer.conclude();
        const piece = {
          text: all.map(({ text }) => text).join(''),
          tokens: all.flatMap(({ tokens }) => tokens),
        };
        return Response.json(wholeAnswer(head, piece, end.finishReason, end.usage));
      }
    } catch (error) {
      await answer.conclude(asFailure(error));
      throw error;
    }
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
  app.get(MODELS_PATH, async (request) =>
    request.json({ object: 'list', data: listModels(await directory.find(null), accepts) }),
  );
  app.get(`${MODELS_PATH}/:id{.+}`, async (request) => {
    const id = request.req.param('id');
    const found = listModels(await directory.find(id), accepts).find((model) => model.id === id);
    if (!found) throw notOffered();
    return request.json(found);
  });
  app.post(CHAT_PATH, (request) => buy(request, 'chat'));
  app.post(TEXT_PATH, (request) => buy(request, 'text'));
  app.post(EMBEDDINGS_PATH, () => {
    throw new AppError('unsupported', 'Embeddings cannot be bought here yet.');
  });
  app.notFound((request) => refuse(request, new AppError('not-found', 'There is nothing at this path.')));
  app.onError((error, request) => {
    if (!isAppError(error)) options.onFault(error);
    return refuse(request, error);
  });

  return { app, idle: seeking.idle };
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
