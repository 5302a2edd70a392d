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
} from '../openai-http/index.ts';
import { createBodyPlaces, type ProviderService } from '../provider/index.ts';
import { createVisitors, type PublicEnvironment, type Visitor } from '../storefront/index.ts';
import { btauthMessage, type Claim, readBtauth, readSynapse, synapseMessage } from './claims.ts';
import { type AccessLimits, createAccessLimits } from './limits.ts';
import { createNonces, type Nonces } from './nonces.ts';
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

/** Bodies that are received at the same time, in total and from one address, before their signatures are verified. */
const BODIES = { unprovenBodiesMax: 16, unprovenBodiesPerPeerMax: 4, bodiesMax: 0, bodiesPerPeerMax: 0 };
/** Headers of a request that reach the provider service. */
const PASSED = ['accept', 'content-type'] as const;

const synapseBodySchema = z.object({ request: z.string() });
const streamedSchema = z.object({ stream: z.literal(true) });
const NS_PER_MS = 1_000_000n;

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
  app.post(`/${SYNAPSE_NAME}`, async (context) => {
    try {
      return await answerSynapse(access, context);
    } catch (error) {
      // Its client reads no other shape.
      const { status, body } = failures.toResponse(error);
      return Response.json({ message: body.error.message }, { status });
    }
  });
  answerFailures(app as unknown as Hono, failures, (error) => {
    const retryAfterS = isAppError(error) ? error.details.retryAfterS : undefined;
    return typeof retryAfterS === 'number' ? retryAfterS : null;
  });
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
    forwarded(raw, claim.sender, { url: raw.url, method, body: method === 'GET' ? null : body }),
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
  limits.verify(visitor);
  const leave = access.bodies.enter(visitor.peer, false);
  try {
    const body = await readBody(context);
    if (!hotkeys.verify({ address: sender, message: messageOf(body), signature })) {
      limits.failed(visitor);
      throw new AppError('not-permitted', 'The signature doesn’t fit the request.', {
        details: { code: 'signature_wrong' },
      });
    }
    nonces.use(sender, nonce);
    limits.proven(visitor);
    return body;
  } finally {
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
