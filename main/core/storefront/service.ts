/**
 * The storefront: the market's models over HTTP for strangers, as OpenAI's API. It admits visitors within limits before
 * anything is paid, recognizes customers by their API keys, and describes itself; the provider service behind it sells.
 */
import { type Context, Hono } from 'hono';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import type { CertificateState } from '../../../shared/storefront.ts';
import {
  CHANNEL_PATH,
  CHAT_PATH,
  CUSTOMER_HEADER,
  MODELS_PATH,
  PAYMENT_HEADER,
  PAYMENT_REQUIRED_HEADER,
} from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PaidTool, ServePaidTool } from '../../ports/paid-tool.ts';
import {
  answerFailures,
  createFailures,
  identifyResponses,
  limitBodies,
  PAID_ENDPOINTS,
  type ReportUnexpected,
  readJsonBody,
} from '../openai-http/index.ts';
import { createBodyPlaces, PROVIDER_LIMITS, type ProviderService } from '../provider/index.ts';
import { createRateLimit, type RateLimit } from '../rate-limit/index.ts';
import { type AbuseReports, newReportSchema } from './abuse-reports.ts';
import { createAskModel } from './ask-model.ts';
import { type CustomerKeys, isCustomerKey } from './customer-keys.ts';
import { STOREFRONT_LIMITS } from './limits.ts';
import { ABUSE_PATH, type ListedModel, listedModel, openApi, wellKnown, wellKnownRoutes } from './listing.ts';
import type { MarketOffers } from './market-offers.ts';
import { statusPage } from './status-page.ts';
import { type BlockList, createVisitors, type Visitor } from './visitors.ts';

/** The part of each request that the public server adds. */
export interface PublicEnvironment {
  /** IP address of the visitor, behind the owner's own proxies. */
  readonly address: string;
}

export interface StorefrontParts {
  readonly provider: Pick<ProviderService, 'app' | 'active'>;
  readonly offers: MarketOffers;
  readonly customers: Pick<CustomerKeys, 'find'>;
  readonly blocks: Pick<BlockList, 'has'>;
  readonly reports: AbuseReports;
  readonly clock: Clock;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  /** Null without a certificate by ACME. */
  readonly certificate: () => CertificateState | null;
  readonly onUnexpected: ReportUnexpected;
  /** Serves a tool to agents. */
  readonly serveTool: (tool: PaidTool) => ServePaidTool;
  /** Called with each request that was answered, by its status. */
  readonly onAnswered?: (status: number) => void;
}

export type StorefrontApp = Hono<{ Bindings: PublicEnvironment }>;

/** Headers of a visitor's request that reach the provider service. */
const PASSED = [
  'accept',
  'content-encoding',
  'content-length',
  'content-type',
  'transfer-encoding',
  PAYMENT_HEADER,
] as const;
/** Requests of one visitor within the window, paid or not; of all visitors of its subnet. */
const REQUESTS_MAX = 100;
const SUBNET_REQUESTS_MAX = 400;
const WINDOW_MS = 10_000;
const KEYS_GUESSED_MAX = 10;
const GUESSES_WINDOW_MS = 60_000;
const REPORTS_PER_VISITOR_MAX = 3;
const REPORTS_WINDOW_MS = 3_600_000;

const MCP_PATH = '/mcp';
const WELL_KNOWN_PATH = '/.well-known/x402';
const OPENAPI_PATH = '/openapi.json';

export function createStorefront(parts: StorefrontParts): StorefrontApp {
  const app: StorefrontApp = new Hono({ strict: false });
  const failures = createFailures(parts.onUnexpected);
  const limits = createVisitorLimits(parts.clock);
  const visitorOf = createVisitors();
  const bodies = createBodyPlaces({ ...PROVIDER_LIMITS, ...STOREFRONT_LIMITS });
  const receive = async (context: Context, visitor: Visitor) => {
    const leave = bodies.enter(visitor.peer, false);
    return readJsonBody(context).finally(leave);
  };
  identifyResponses(app as unknown as Hono);
  app.use(async (context, next) => {
    await next();
    parts.onAnswered?.(context.res.status);
  });
  app.use(async (context, next) => {
    const { address } = context.env;
    if (parts.blocks.has(address)) throw blocked();
    limits.enter(visitorOf(address));
    await next();
  });
  limitBodies(app as unknown as Hono);
  const sell = (context: Context<{ Bindings: PublicEnvironment }>) => {
    const visitor = visitorOf(context.env.address);
    const customerId = customerOf(parts, limits, visitor, context);
    return parts.provider.app.fetch(forwarded(context.req.raw, visitor, customerId));
  };
  for (const { path } of PAID_ENDPOINTS) app.on(['GET', 'POST'], path, sell);
  app.post(CHANNEL_PATH, sell);
  app.post(MCP_PATH, async (context) => {
    const visitor = visitorOf(context.env.address);
    const tool = createAskModel((request) => parts.provider.app.fetch(forwarded(request, visitor, null)));
    return parts.serveTool(tool)(context.req.raw, await receive(context, visitor));
  });
  addDescriptions(app, parts);
  app.post(ABUSE_PATH, async (context) => {
    const visitor = visitorOf(context.env.address);
    limits.report(visitor);
    const report = newReportSchema.safeParse(await receive(context, visitor));
    if (!report.success) {
      throw new AppError(
        'bad-request',
        'Send {"text": "…"} with at most 2000 characters, and "contact" if you like.',
      );
    }
    parts.reports.add(report.data);
    return context.json({ received: true }, 201);
  });
  answerFailures(app as unknown as Hono, failures, (error) => {
    const retryAfterS = isAppError(error) ? error.details.retryAfterS : undefined;
    return typeof retryAfterS === 'number' ? retryAfterS : null;
  });
  return app;
}

interface VisitorLimits {
  /** Fails with `busy`. */
  enter(visitor: Visitor): void;
  /** Counts a wrong key. Fails with `busy` if there were too many. */
  guess(visitor: Visitor): void;
  report(visitor: Visitor): void;
}

function createVisitorLimits(clock: Clock): VisitorLimits {
  const limit = (eventsMax: number, windowMs: number, message: string) =>
    createRateLimit({ clock, eventsMax, windowMs, message });
  const requests = limit(REQUESTS_MAX, WINDOW_MS, 'Too many requests from this address. See Retry-After.');
  const subnet = limit(
    SUBNET_REQUESTS_MAX,
    WINDOW_MS,
    'Too many requests from this network. See Retry-After.',
  );
  const guesses = limit(KEYS_GUESSED_MAX, GUESSES_WINDOW_MS, 'Too many wrong API keys. See Retry-After.');
  const reports = limit(REPORTS_PER_VISITOR_MAX, REPORTS_WINDOW_MS, 'Too many reports from this address.');
  const count = (of: RateLimit, key: string) => {
    of.check(key);
    of.note(key);
  };
  return {
    enter(visitor) {
      count(requests, visitor.peer);
      count(subnet, visitor.subnet);
    },
    guess: ({ peer }) => count(guesses, peer),
    report: ({ peer }) => count(reports, peer),
  };
}

/**
 * Returns the customer whose API key came with the request, or null. Clients of x402 may send a text of their own in the
 * key's place, which only the form tells from a wrong key.
 */
function customerOf(
  { customers }: Pick<StorefrontParts, 'customers'>,
  limits: VisitorLimits,
  visitor: Visitor,
  context: Context,
): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '')?.[1];
  const secret = bearer ?? context.req.header('x-api-key') ?? '';
  if (!isCustomerKey(secret)) return null;
  const customerId = customers.find(secret);
  if (customerId !== null) return customerId;
  limits.guess(visitor);
  throw new AppError('not-permitted', 'The API key is unknown or was revoked.');
}

/** Only these headers reach the provider service: it trusts those that name the requester. */
function forwarded(request: Request, visitor: Visitor, customerId: string | null): Request {
  const headers = new Headers({ 'x-peer-id': visitor.peer, 'x-peer-subnet': visitor.subnet });
  for (const name of PASSED) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  if (customerId !== null) {
    headers.delete(PAYMENT_HEADER);
    headers.set(CUSTOMER_HEADER, customerId);
  }
  const { method, url, signal } = request;
  const body = method === 'GET' ? null : request.body;
  return new Request(url, {
    method,
    headers,
    signal,
    body,
    ...(body !== null && { duplex: 'half' }),
  } as RequestInit);
}

function addDescriptions(app: StorefrontApp, parts: StorefrontParts): void {
  const { offers, publicUrl, clock, provider, certificate } = parts;
  const models = async (): Promise<readonly ListedModel[]> => {
    const { offer } = await offers.current();
    return offer.models.map((model) => listedModel(model, offer, PROVIDER_LIMITS.answerTokensMax));
  };
  const described = (context: Context, content: unknown) => {
    context.header('access-control-allow-origin', '*');
    context.header('cache-control', 'public, max-age=60');
    return context.json(content as object);
  };
  app.get(MODELS_PATH, async (context) => described(context, { object: 'list', data: await models() }));
  app.get(`${MODELS_PATH}/:id{.+}`, async (context) => {
    const found = (await models()).find(({ id }) => id === context.req.param('id'));
    if (found === undefined)
      throw new AppError('model-unavailable', 'No provider offers that model right now.');
    return described(context, found);
  });
  app.get(WELL_KNOWN_PATH, (context) => described(context, wellKnown(publicUrl)));
  app.get(`${WELL_KNOWN_PATH}.json`, async (context) => {
    const accepts = await acceptsOf(provider);
    const [first] = await models();
    return described(context, wellKnownRoutes(publicUrl, first?.id ?? null, { accepts, atMs: clock.now() }));
  });
  app.get(OPENAPI_PATH, (context) => described(context, openApi(publicUrl)));
  app.get('/', async (context) => {
    context.header(
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
    );
    context.header('x-content-type-options', 'nosniff');
    const answering = provider.active().length;
    return context.html(
      statusPage({ publicUrl, models: await models(), answering, certificate: certificate() }),
    );
  });
}

/** The requirements of the live 402, for a request without content. */
async function acceptsOf({ app }: Pick<ProviderService, 'app'>): Promise<readonly unknown[]> {
  const headers = { 'x-peer-id': 'storefront' };
  const response = await app.fetch(new Request(`http://storefront${CHAT_PATH}`, { headers }));
  const header = response.headers.get(PAYMENT_REQUIRED_HEADER);
  if (header === null) return [];
  const required = parseJson(Buffer.from(header, 'base64').toString()) as { accepts?: readonly unknown[] };
  return required.accepts ?? [];
}

function blocked(): AppError {
  return new AppError('not-accepted', 'The owner of this storefront has blocked this address.', {
    details: { code: 'blocked' },
  });
}
