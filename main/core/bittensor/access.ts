/**
 * Access by requests that a Bittensor hotkey signed: OpenAI's API with `btauth/1`, and one synapse for the dendrite of
 * version 10. It lets in the hotkeys that the owner allows, for free, and nobody else; the provider service answers.
 */
import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { hotkeyPeer } from '../../../shared/bittensor.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { CHAT_PATH, MODELS_PATH, SYNAPSE_NAME } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Hotkey, Hotkeys } from '../../ports/hotkeys.ts';
import {
  answerFailures,
  createFailures,
  identifyResponses,
  limitBodies,
  PAID_ENDPOINTS,
  parseJsonBody,
  type ReportUnexpected,
  readBody,
  shapeOfEndpoint,
} from '../openai-http/index.ts';
import { createBodyPlaces, type ProviderService } from '../provider/index.ts';
import { createVisitors, type PublicEnvironment, type Visitor } from '../storefront/index.ts';
import { btauthMessage, type Claim, readBtauth, readSynapse, synapseMessage } from './claims.ts';
import { type AccessLimits, createAccessLimits } from './limits.ts';
import { createNonces, NONCE_AGE_MS_MAX, type Nonces } from './nonces.ts';
import { synapseResponse } from './synapse.ts';

export interface HotkeyAccessParts {
  readonly provider: Pick<ProviderService, 'app'>;
  /** This machine's: requests have to be signed for it. */
  readonly own: Hotkey;
  readonly hotkeys: Pick<Hotkeys, 'verify' | 'sha3'>;
  /** True for a hotkey that the owner lists. */
  readonly isAllowed: (address: string) => boolean;
  readonly clock: Clock;
  readonly onUnexpected: ReportUnexpected;
  /** Called with a hotkey that isn't on the list. It may not be the sender's. */
  readonly onStranger: (address: string, sentence: string) => void;
}

export type HotkeyAccess = Hono<{ Bindings: PublicEnvironment }>;
type AccessContext = Context<{ Bindings: PublicEnvironment }>;

/**
 * Bodies that are received at the same time, in total and from one address. Addresses that have sent a correct signature have
 * places of their own, so that strangers with slow bodies can't take them.
 */
const BODIES = { unprovenBodiesMax: 32, unprovenBodiesPerPeerMax: 2, bodiesMax: 16, bodiesPerPeerMax: 4 };
/** Time for a body: a request that was signed longer ago is too old anyway. */
const BODY_MS_MAX = NONCE_AGE_MS_MAX;
/** Headers of a request that reach the provider service. */
const PASSED = ['accept', 'content-type'] as const;

const synapseBodySchema = z.object({ request: z.string() });
const streamedSchema = z.object({ stream: z.literal(true) });
const NS_PER_MS = 1_000_000n;
const SYNAPSE_PATH = `/${SYNAPSE_NAME}`;

interface Access extends HotkeyAccessParts {
  readonly visitorOf: (address: string) => Visitor;
  readonly limits: AccessLimits;
  readonly nonces: Nonces;
  readonly bodies: ReturnType<typeof createBodyPlaces>;
  /** Name of this run, to dendrites. */
  readonly uuid: string;
}

export function createHotkeyAccess(parts: HotkeyAccessParts): HotkeyAccess {
  const app: HotkeyAccess = new Hono({ strict: false });
  const failures = createFailures(parts.onUnexpected);
  const access: Access = {
    ...parts,
    visitorOf: createVisitors(),
    limits: createAccessLimits(parts.clock),
    nonces: createNonces(parts.clock),
    bodies: createBodyPlaces(BODIES),
    uuid: randomUUID(),
  };
  identifyResponses(app as unknown as Hono);
  app.use(async (context, next) => {
    access.limits.enter(access.visitorOf(context.env.address));
    await next();
  });
  limitBodies(app as unknown as Hono);
  const answer = (context: AccessContext) => answerSigned(access, context);
  for (const { path } of PAID_ENDPOINTS) app.post(path, answer);
  app.get(MODELS_PATH, answer);
  app.get(`${MODELS_PATH}/:id{.+}`, answer);
  app.post(SYNAPSE_PATH, (context) => answerSynapse(access, context));
  const retryAfterS = (error: unknown) => {
    const seconds = isAppError(error) ? error.details.retryAfterS : undefined;
    return typeof seconds === 'number' ? seconds : null;
  };
  answerFailures(app as unknown as Hono, failures, retryAfterS, (failure, context) =>
    // The dendrite reads no other shape.
    context.req.path === SYNAPSE_PATH
      ? { message: failure.body.error.message }
      : shapeOfEndpoint(failure, context),
  );
  return app;
}

async function answerSigned(access: Access, context: AccessContext): Promise<Response> {
  const { raw } = context.req;
  const claim = readBtauth(raw.headers);
  const { pathname, search } = new URL(raw.url);
  const { method } = raw;
  const body = await verified(access, context, claim, (received) =>
    btauthMessage(claim, { method, target: pathname + search, body: received }),
  );
  return access.provider.app.fetch(
    forwarded(raw, claim.sender, {
      url: raw.url,
      method,
      body: method === 'GET' || method === 'HEAD' ? null : body,
    }),
  );
}

async function answerSynapse(access: Access, context: AccessContext): Promise<Response> {
  const { raw } = context.req;
  const { clock, own, hotkeys, uuid } = access;
  const startedMs = clock.monotonic();
  const claim = readSynapse(raw.headers);
  let request = '';
  await verified(access, context, claim, (received) => {
    request = readRequest(received);
    return synapseMessage(claim, hotkeys.sha3(hotkeys.sha3(request)));
  });
  const url = new URL(CHAT_PATH, raw.url).href;
  const response = await access.provider.app.fetch(
    forwarded(raw, claim.sender, { url, method: 'POST', body: request }),
  );
  const nonceNs = BigInt(Math.floor(clock.now())) * NS_PER_MS;
  const seconds = (clock.monotonic() - startedMs) / 1_000;
  return synapseResponse({ own, uuid, nonceNs, claim, request, response, seconds });
}

/** Returns the request in a synapse. Fails with `bad-request`. */
function readRequest(body: Uint8Array): string {
  const synapse = synapseBodySchema.safeParse(parseJsonBody(body));
  if (!synapse.success) throw new AppError('bad-request', 'The synapse needs the text "request".');
  const { request } = synapse.data;
  const content = parseJsonBody(Buffer.from(request));
  if (streamedSchema.safeParse(content).success)
    throw new AppError('bad-request', 'A synapse is answered as a whole: send "stream": false.');
  return request;
}

/**
 * Receives the body and returns it if the owner allows the sender, the request is for this machine, fresh and not used
 * before, and the signature over it is right; in the order of what a check costs. Fails with `not-permitted`,
 * `not-accepted` or `busy`.
 */
async function verified(
  access: Access,
  context: AccessContext,
  claim: Claim,
  messageOf: (body: Uint8Array) => string,
): Promise<Uint8Array> {
  const { limits, nonces, own, hotkeys } = access;
  const { sender, receiver, nonce, signature } = claim;
  const visitor = access.visitorOf(context.env.address);
  if (receiver !== own.address) {
    throw new AppError(
      'not-permitted',
      `The request is for another hotkey. This machine’s is ${own.address}.`,
      {
        details: { code: 'signature_for_another' },
      },
    );
  }
  if (!access.isAllowed(sender)) {
    const sentence = 'The owner of this machine doesn’t allow this hotkey.';
    access.onStranger(sender, sentence);
    throw new AppError('not-accepted', sentence, { details: { code: 'hotkey_not_accepted' } });
  }
  nonces.check(sender, nonce);
  limits.check(visitor);
  const body = await receive(access, context, visitor);
  // Before the body is parsed and hashed, which takes longer than the signature.
  limits.verify(visitor);
  const message = readMessage(
    () => messageOf(body),
    () => limits.failed(visitor),
  );
  if (!hotkeys.verify({ address: sender, message, signature })) {
    limits.failed(visitor);
    throw new AppError('not-permitted', 'The signature doesn’t fit the request.', {
      details: { code: 'signature_wrong' },
    });
  }
  nonces.use(sender, nonce);
  limits.proven(visitor);
  return body;
}

function readMessage(read: () => string, onFault: () => void): string {
  try {
    return read();
  } catch (error) {
    onFault();
    throw error;
  }
}

/** Fails with `busy`, or with `bad-request` if the body doesn't arrive whole and in time. */
async function receive(
  { clock, limits, bodies }: Access,
  context: AccessContext,
  visitor: Visitor,
): Promise<Uint8Array> {
  const leave = bodies.enter(visitor.peer, limits.isProven(visitor));
  const late = new AbortController();
  const timer = clock.after(BODY_MS_MAX, () => late.abort());
  try {
    return await readBody(context, late.signal);
  } catch (error) {
    limits.failed(visitor);
    throw error;
  } finally {
    timer.cancel();
    leave();
  }
}

/** Only these headers reach the provider service: it trusts those that name the requester. */
function forwarded(
  { headers: given, signal }: Request,
  sender: string,
  target: { readonly url: string; readonly method: string; readonly body: Uint8Array | string | null },
): Request {
  const { url, method, body } = target;
  const headers = new Headers({ 'x-peer-id': hotkeyPeer(sender) });
  for (const name of PASSED) {
    const value = given.get(name);
    if (value !== null) headers.set(name, value);
  }
  return new Request(url, { method, headers, signal, body } as RequestInit);
}
