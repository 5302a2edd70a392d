/** The OpenAI-compatible service that is sold: who may ask, what it costs, and what is answered. */
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import { amount } from '../../../shared/money.ts';
import { OFFER_PATH, type OfferedModel, type Receipt } from '../../../shared/offer.ts';
import {
  type AskedCompletion,
  answerTokensMax,
  CHAT_PATH,
  readCompletion,
  TEXT_PATH,
  textsOf,
} from '../../../shared/openai.ts';
import { toOpenAiError } from '../../../shared/openai-errors.ts';
import type { Presence } from '../../../shared/presence.ts';
import { ceiling } from '../../../shared/price.ts';
import { EMBEDDINGS_PATH, MODELS_PATH } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine } from '../../ports/engine.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { PeerKey } from '../../ports/network.ts';
import { CHANNEL_PATH, type PaidRequest, type PaymentGate } from '../../ports/payments.ts';
import type { Offers } from '../identity/index.ts';
import { createAdmission } from './admission.ts';
import { readyEvents } from './ready-events.ts';
import { admitSoldJob, type SoldJob } from './sold-job.ts';
import { answer } from './work.ts';

export interface ProviderLimits {
  /** Requests that may wait for a slot. */
  readonly waitingMax: number;
  /** Requests of one peer at once. */
  readonly perPeerMax: number;
  /** UTF-8 bytes of all messages together. */
  readonly promptBytesMax: number;
  /** Answer tokens of one request: neither side risks more than one request. */
  readonly answerTokensMax: number;
  /** A requester that takes nothing for this long is gone. */
  readonly stallMs: number;
}

export const PROVIDER_LIMITS: ProviderLimits = {
  waitingMax: 16,
  perPeerMax: 8,
  promptBytesMax: 256 * 1024,
  answerTokensMax: 4_096,
  stallMs: 60_000,
};

export interface ProviderOptions {
  readonly engine: Engine;
  readonly gate: PaymentGate;
  readonly key: PeerKey;
  readonly clock: Clock;
  readonly jobs: JobStore;
  readonly offers: Offers;
  readonly presence: () => Presence;
  readonly limits?: Partial<ProviderLimits>;
  /** A job's charge stands, at the same moment as the job says so; the ledger books it. Must not throw. */
  readonly onCharged: (job: Job, receipt: Receipt) => void;
  /** The jobs being worked on, after each change of them or of their tokens. */
  readonly onActive?: (jobs: readonly ActiveJob[]) => void;
  /** What was not expected, for the log; never content. */
  readonly onFault: (error: unknown) => void;
}

export interface ActiveJob {
  readonly id: string;
  readonly model: string;
  readonly requester: string;
  readonly startedAtMs: number;
  readonly outputTokens: number;
  readonly tokensPerSecond: number | null;
}

export interface ProviderService {
  readonly app: Hono;
  active(): readonly ActiveJob[];
  /** The owner needs the machine: ends every job now; resolves when all are concluded. */
  handBack(): Promise<void>;
  /** Takes no new jobs and lets the running ones end, at most for this long, then hands back. */
  close(graceMs: number): Promise<void>;
}

interface Running {
  readonly job: SoldJob;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

const BODY_BYTES_MAX = 1024 * 1024;
const RETRY_PAUSED_S = 60;
const RETRY_STARTING_S = 5;

/** See {@link ProviderService}. Requesters are named by the header `x-peer-id`, which the network sets. */
export function createProviderService(options: ProviderOptions): ProviderService {
  const { engine, gate, clock, jobs, key, offers } = options;
  const limits = { ...PROVIDER_LIMITS, ...options.limits };
  const admission = createAdmission(limits);
  const running = new Map<string, Running>();
  let closing = false;

  function active(): ActiveJob[] {
    return [...running.values()].map(({ job }) => ({
      id: job.id,
      model: job.model,
      requester: job.peer,
      startedAtMs: job.startedAtMs,
      outputTokens: job.outputTokens(),
      tokensPerSecond: job.tokensPerSecond(),
    }));
  }
  const activeChanged = () => options.onActive?.(active());

  /** Fails with `paused` or `engine-gave-up`; gives the engine's slots. */
  function slotsNow(): number {
    if (closing) throw paused('starting', RETRY_STARTING_S);
    const presence = options.presence();
    if (presence.decision === 'pause') throw paused(presence.reason, RETRY_PAUSED_S);
    const status = engine.status();
    if (status.state === 'gave-up') throw new AppError('engine-gave-up', 'The engine does not run any more.');
    if (status.state !== 'ready') throw paused('starting', RETRY_STARTING_S);
    return status.loaded.sequences;
  }

  async function modelFor(asked: AskedCompletion): Promise<OfferedModel> {
    const { offer } = await offers.current();
    const model = offer.models.find(({ id }) => id === asked.model);
    if (!model) {
      throw new AppError('model-unavailable', 'That model is not offered here.', {
        details: { param: 'model' },
      });
    }
    return model;
  }

  function checkSize(asked: AskedCompletion, model: OfferedModel): number {
    const bytes = textsOf(asked).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    const tokensMax = answerTokensMax(asked, model.contextTokens);
    const { contextTokens } = model;
    if (bytes > limits.promptBytesMax || tokensMax >= contextTokens) {
      throw new AppError('context-exceeded', 'Prompt and answer do not fit the context of the model.', {
        details: { param: tokensMax >= contextTokens ? 'max_tokens' : null, contextTokens },
      });
    }
    if (tokensMax > limits.answerTokensMax) {
      throw new AppError(
        'bad-request',
        `Parameter 'max_tokens': at most ${limits.answerTokensMax} in one request here.`,
        {
          details: { param: 'max_tokens', code: 'invalid_value' },
        },
      );
    }
    return tokensMax;
  }

  async function sell(context: Context, kind: 'chat' | 'text'): Promise<Response> {
    const asked = readCompletion(kind, await readJson(context));
    const slots = slotsNow();
    const model = await modelFor(asked);
    const maxTokens = checkSize(asked, model);
    const peer = context.req.header('x-peer-id') ?? 'direct';
    const leave = admission.enter(peer, slots);
    let admitted = false;
    try {
      const most = ceiling(model.price, textsOf(asked), maxTokens);
      const admissionResult = await gate.admit(paidRequest(context, most, `Tokens of ${model.id}`));
      if (admissionResult.kind === 'answered') {
        const { body, status, headers } = admissionResult;
        return new Response(body, { status, headers });
      }
      const { payment } = admissionResult;
      let job: SoldJob;
      try {
        job = admitSoldJob(
          {
            clock,
            jobs,
            key,
            assetId: gate.asset.id,
            onCharged: options.onCharged,
            onFault: options.onFault,
          },
          { peer, model, ceiling: most, payment },
        );
      } catch (error) {
        await payment.cancel();
        throw error;
      }
      admitted = true;
      return await work(context, asked, maxTokens, job, leave);
    } finally {
      if (!admitted) leave();
    }
  }

  function work(
    context: Context,
    asked: AskedCompletion,
    maxTokens: number,
    job: SoldJob,
    leave: () => void,
  ): Promise<Response> {
    const abort = new AbortController();
    const requester = context.req.raw.signal;
    const left = () => abort.abort('requester');
    if (requester.aborted) left();
    else requester.addEventListener('abort', left, { once: true });
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    running.set(job.id, { job, abort, ended });
    const { prompt, temperature, topP, seed, stop } = asked;
    const events = readyEvents(
      engine.generate({ prompt, maxTokens, temperature, topP, seed, stop }, abort.signal),
    );
    activeChanged();
    return answer({
      asked,
      job,
      events,
      abort,
      clock,
      stallMs: limits.stallMs,
      progress: activeChanged,
      done() {
        requester.removeEventListener('abort', left);
        leave();
        running.delete(job.id);
        activeChanged();
        end();
      },
    });
  }

  async function handBack(): Promise<void> {
    const all = [...running.values()];
    for (const { abort } of all) if (!abort.signal.aborted) abort.abort('owner');
    await Promise.all(all.map(({ ended }) => ended));
  }

  const app = new Hono();
  app.use(
    bodyLimit({
      maxSize: BODY_BYTES_MAX,
      onError: () => {
        throw new AppError('bad-request', 'The body is too long.', { details: { code: 'invalid_body' } });
      },
    }),
  );
  app.get(OFFER_PATH, async (context) => context.text((await offers.current()).jws));
  app.get(MODELS_PATH, async (context) => {
    const { offer } = await offers.current();
    const common = {
      created: Math.floor(offer.issuedAtMs / 1_000),
      owned_by: key.peer,
      asset: offer.asset,
    };
    return context.json({
      object: 'list',
      data: offer.models.map((model) => ({ ...listed(model), ...common })),
    });
  });
  app.post(CHAT_PATH, (context) => sell(context, 'chat'));
  app.post(TEXT_PATH, (context) => sell(context, 'text'));
  app.post(EMBEDDINGS_PATH, () => {
    throw new AppError('unsupported', 'No embedding model is offered here.');
  });
  app.post(CHANNEL_PATH, async (context) => {
    const result = await gate.admit(paidRequest(context, amount(0), 'Opening of a payment channel'));
    if (result.kind === 'answered') {
      return new Response(result.body, { status: result.status, headers: result.headers });
    }
    await result.payment.cancel();
    return context.json({ opened: true });
  });
  app.notFound((context) => refuse(context, new AppError('not-found', 'There is nothing at this path.')));
  app.onError((error, context) => {
    if (!isAppError(error)) options.onFault(error);
    return refuse(context, error);
  });

  return {
    app,
    active,
    handBack,
    async close(graceMs) {
      closing = true;
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = clock.after(graceMs, resolve);
      await Promise.race([late, Promise.all([...running.values()].map(({ ended }) => ended))]);
      timer.cancel();
      await handBack();
    },
  };
}

function listed(model: OfferedModel): Record<string, unknown> {
  return {
    id: model.id,
    object: 'model',
    price: model.price,
    context_length: model.contextTokens,
    quantisation: model.quantisation,
    sha256: model.sha256,
    prefill_tokens_per_second: model.prefillTokensPerSecond,
    decode_tokens_per_second: model.decodeTokensPerSecond,
  };
}

function paidRequest(context: Context, most: PaidRequest['ceiling'], description: string): PaidRequest {
  return {
    method: context.req.method,
    path: context.req.path,
    header: (name) => context.req.header(name),
    ceiling: most,
    description,
  };
}

async function readJson(context: Context): Promise<unknown> {
  try {
    return await context.req.json();
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    throw new AppError('bad-request', 'The body is not JSON.', { details: { code: 'invalid_body' } });
  }
}

function paused(reason: string, retryAfterS: number): AppError {
  return new AppError('paused', `This machine is not for hire right now (${reason}).`, {
    details: { reason, retryAfterS, code: `paused_${reason.replaceAll('-', '_')}` },
  });
}

function refuse(context: Context, error: unknown): Response {
  const { status, body } = toOpenAiError(error);
  const retryAfterS = isAppError(error) ? error.details.retryAfterS : undefined;
  if (typeof retryAfterS === 'number') context.header('retry-after', String(retryAfterS));
  return context.json(body, status as ContentfulStatusCode);
}
