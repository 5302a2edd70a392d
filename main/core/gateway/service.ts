/** The local OpenAI-compatible service: finds a provider for each request, pays it and passes its answer on. */
import { type Context, Hono } from 'hono';
import { AppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { Offer, OfferedModel, Receipt } from '../../../shared/offer.ts';
import { CHAT_PATH, readCompletion, TEXT_PATH } from '../../../shared/openai.ts';
import type { AnswerHead } from '../../../shared/openai-answer.ts';
import { EMBEDDINGS_PATH, MAX_PRICE_HEADER, MODELS_PATH, ON_PAUSE_HEADER } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { Network, VerifySigned } from '../../ports/network.ts';
import type { Payer } from '../../ports/payments.ts';
import { type Budget, readMaxPrice, UNLIMITED } from '../budget/index.ts';
import type { Directory } from '../network/index.ts';
import {
  answerFailures,
  createFailures,
  type Failures,
  limitBodies,
  onAbort,
  type ReportUnexpected,
  readJsonBody,
} from '../openai-http/index.ts';
import { beginAnswer } from './answer.ts';
import { createCandidates, notOffered } from './candidates.ts';
import { checkRequest } from './guard.ts';
import { collectAnswer, streamAnswer } from './http-answer.ts';
import { listModels } from './models.ts';
import { readOnPause } from './on-pause.ts';
import { createProviderSearch, type ProviderSearch } from './provider-search.ts';
import type { PurchaseContext, PurchaseLimits } from './purchase.ts';

export interface GatewayOptions {
  readonly network: Pick<Network, 'fetch'>;
  readonly directory: Directory;
  readonly payer: Payer;
  readonly verifySigned: VerifySigned;
  readonly clock: Clock;
  readonly jobs: JobStore;
  /** The API key that clients have to send. */
  readonly key: string;
  /** Decides which offers may be bought: asset and network. Default: all. */
  readonly accepts?: (offer: Offer, model: OfferedModel) => boolean;
  /** Limits prices, costs and payments to new providers. Default: none. */
  readonly budget?: Pick<Budget, 'openRequest' | 'isTrusted'>;
  /** Throws if nothing may be bought now, because it couldn't be recorded. Default: never. */
  readonly checkRecordable?: () => void;
  readonly limits?: Partial<PurchaseLimits>;
  /** The receipt is null if it is missing or invalid. Must not throw. */
  readonly onBought: (job: Job, receipt: Receipt | null) => void;
  /** Reports an unexpected failure, which never holds content. Default: reports nothing and returns no incident ID. */
  readonly onUnexpected?: ReportUnexpected;
}

export interface GatewayService {
  readonly app: Hono;
  /** Resolves when every purchase that was begun is recorded. */
  idle(): Promise<void>;
}

const LIMITS: PurchaseLimits = { firstEventMs: 300_000, silenceMs: 60_000, receiptMs: 15_000 };
const AVOID_CHEAT_MS = 3_600_000;
const RETRY_AFTER_S = 2;

/** See {@link GatewayService}. */
export function createGateway(options: GatewayOptions): GatewayService {
  const { directory, clock, key } = options;
  const accepts = options.accepts ?? (() => true);
  const budget = options.budget ?? UNLIMITED;
  const onUnexpected = options.onUnexpected ?? (() => null);
  const context: PurchaseContext = {
    ...options,
    onUnexpected,
    limits: { ...LIMITS, ...options.limits },
    onCheat: (peer) => directory.avoid(peer, AVOID_CHEAT_MS),
  };
  const candidates = createCandidates({ directory, clock, accepts });
  const search = createProviderSearch({ context, directory, candidates, isTrusted: budget.isTrusted });
  const failures = createFailures(onUnexpected);
  const models = async (id: string | null) => listModels(await directory.find(id), accepts);

  const app = new Hono();
  app.use(async (request, next) => {
    checkRequest({ method: request.req.method, header: (name) => request.req.header(name) }, key);
    await next();
  });
  limitBodies(app);
  app.get(MODELS_PATH, async (request) => request.json({ object: 'list', data: await models(null) }));
  app.get(`${MODELS_PATH}/:id{.+}`, async (request) => {
    const id = request.req.param('id');
    const found = (await models(id)).find((model) => model.id === id);
    if (!found) throw notOffered();
    return request.json(found);
  });
  const checkRecordable = options.checkRecordable ?? (() => undefined);
  const buying: BuyingParts = { search, clock, failures, budget, checkRecordable };
  app.post(CHAT_PATH, (request) => buy(buying, request, 'chat'));
  app.post(TEXT_PATH, (request) => buy(buying, request, 'text'));
  app.post(EMBEDDINGS_PATH, () => {
    throw new AppError('unsupported', 'Embeddings aren’t supported yet.');
  });
  answerFailures(app, failures, (_error, status) =>
    status === 429 || status === 503 ? RETRY_AFTER_S : null,
  );

  return { app, idle: search.idle };
}

interface BuyingParts {
  readonly search: ProviderSearch;
  readonly clock: Clock;
  readonly failures: Failures;
  readonly budget: Pick<Budget, 'openRequest'>;
  readonly checkRecordable: () => void;
}

async function buy(parts: BuyingParts, context: Context, kind: 'chat' | 'text'): Promise<Response> {
  const onPause = readOnPause(context.req.header(ON_PAUSE_HEADER));
  const budget = parts.budget.openRequest(readMaxPrice(context.req.header(MAX_PRICE_HEADER)));
  const asked = readCompletion(kind, await readJsonBody(context));
  parts.checkRecordable();
  const clientGone = new AbortController();
  onAbort(context.req.raw.signal, () => clientGone.abort());
  const answer = await beginAnswer(parts, { asked, onPause, budget, requester: clientGone.signal });
  const createdAtS = Math.floor(parts.clock.now() / 1_000);
  const head: AnswerHead = { asked, jobId: answer.jobId, createdAtS };
  return asked.stream ? streamAnswer(head, answer, { ...parts, clientGone }) : collectAnswer(head, answer);
}
