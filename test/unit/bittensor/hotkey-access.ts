/**
 * Set-up of the tests of signed requests: the real services and keys with an engine of words. Requests are signed by
 * code of the tests, from the protocols' own words.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { hotkeys } from '../../../main/adapters/bittensor/index.ts';
import { createHotkeyAccess } from '../../../main/core/bittensor/index.ts';
import { NONCE_SKEW_MS_MAX } from '../../../main/core/bittensor/nonces.ts';
import { createFreeGate } from '../../../main/core/machines/index.ts';
import type { ProviderOptions, ProviderService } from '../../../main/core/provider/index.ts';
import { isHotkeyPeer } from '../../../shared/bittensor.ts';
import {
  BTAUTH_HEADERS,
  BTAUTH_PROTOCOL,
  CHAT_PATH,
  SYNAPSE_HEADERS,
  SYNAPSE_NAME,
} from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeEngine, type FakeEngineOptions } from '../../fakes/engine.ts';
import { createFakeProvider, FAKE_LIFE, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { FAKE_ASSET, FAKE_PAYOUT } from '../../fakes/payment-gate.ts';

export const NOW_MS = 1_790_000_000_000;
export const OWN = hotkeys.open('11'.repeat(32));
export const FRIEND = hotkeys.open('22'.repeat(32));
export const STRANGER = hotkeys.open('33'.repeat(32));

export const ASK = JSON.stringify({
  model: OFFERED.id,
  messages: [{ role: 'user', content: 'Why is the sky blue?' }],
  max_tokens: 20,
});

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | ReadableStream;
  readonly address: string;
  /** The caller leaves when it aborts. */
  readonly signal?: AbortSignal;
}

export interface Signing {
  readonly by?: typeof FRIEND;
  readonly receiver?: string;
  readonly atMs?: number;
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly address?: string;
}

let counter = 0n;

/** A request signed by `btauth/1`. Each has a nonce of its own. */
export function signed(parts: Signing = {}): Sent & { readonly body: string } {
  const { by = FRIEND, receiver = OWN.address, atMs = NOW_MS, method = 'POST', path = CHAT_PATH } = parts;
  const body = parts.body ?? (method === 'GET' ? '' : ASK);
  counter += 1n;
  const nonce = String(BigInt(atMs) * 1_000_000n + counter);
  const hash = createHash('sha256').update(body).digest('hex');
  const lines = [BTAUTH_PROTOCOL, 'sr25519', method, path, hash, nonce, by.address, receiver];
  const headers = {
    'content-type': 'application/json',
    [BTAUTH_HEADERS.version]: '1',
    [BTAUTH_HEADERS.sender]: by.address,
    [BTAUTH_HEADERS.receiver]: receiver,
    [BTAUTH_HEADERS.nonce]: nonce,
    [BTAUTH_HEADERS.signature]: by.sign(lines.join('\n')),
  };
  return { method, path, headers, body, address: parts.address ?? '203.0.113.5' };
}

/** The call of a synapse, as the dendrite of version 10 signs it. */
export function synapse(request: string, { by = FRIEND, atMs = NOW_MS }: Signing = {}): Sent {
  counter += 1n;
  const sha3 = (text: string) => createHash('sha3-256').update(text).digest('hex');
  const nonce = String(BigInt(atMs) * 1_000_000n + counter);
  const uuid = '5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a';
  const hash = sha3(sha3(request));
  const headers = {
    'content-type': 'application/json',
    name: SYNAPSE_NAME,
    timeout: '12.0',
    [SYNAPSE_HEADERS.receiver]: OWN.address,
    [SYNAPSE_HEADERS.nonce]: nonce,
    [SYNAPSE_HEADERS.uuid]: uuid,
    [SYNAPSE_HEADERS.sender]: by.address,
    [SYNAPSE_HEADERS.signature]: by.sign([nonce, by.address, OWN.address, uuid, hash].join('.')),
    computed_body_hash: hash,
  };
  const body = JSON.stringify({ name: SYNAPSE_NAME, timeout: 12, request, answer: null });
  return { method: 'POST', path: `/${SYNAPSE_NAME}`, headers, body, address: '203.0.113.5' };
}

/** After this time from its start, the machine accepts what is signed now. */
const START_MS = NONCE_SKEW_MS_MAX + 1;

/** At {@link NOW_MS}, shortly after its start. `service` replaces the provider service. */
export async function openAccess(
  options: Partial<ProviderOptions> = {},
  service?: ProviderService['app'],
  beforeToken?: FakeEngineOptions['beforeToken'],
) {
  const clock = manualClock(NOW_MS - START_MS);
  const network = await createFakeHub().createNetwork();
  const engine = createFakeEngine({
    ...{ loaded: FAKE_LIFE, answer: () => ['The ', 'sky ', 'is ', 'blue. '] },
    ...(beforeToken && { beforeToken }),
  });
  const free = createFreeGate(FAKE_ASSET, FAKE_PAYOUT);
  const provider = createFakeProvider(network, {
    ...{ clock, engine, guests: { isGuest: isHotkeyPeer, gate: free } },
    ...options,
  });
  const allowed = new Set([FRIEND.address]);
  const strangers: string[] = [];
  let verifications = 0;
  const access = createHotkeyAccess({
    provider: { app: service ?? provider.service.app },
    own: OWN,
    hotkeys: {
      ...hotkeys,
      verify(message) {
        verifications += 1;
        return hotkeys.verify(message);
      },
    },
    isAllowed: (address) => allowed.has(address),
    clock,
    onUnexpected: (error) => assert.fail(String(error)),
    onStranger: (address) => strangers.push(address),
  });
  clock.advance(START_MS);
  const send = ({ method, path, headers, body, address, signal }: Sent): Promise<Response> => {
    const init = {
      method,
      headers,
      signal,
      ...(method !== 'GET' && { body, duplex: 'half' }),
    } as RequestInit;
    return Promise.resolve(access.fetch(new Request(`http://access.test${path}`, init), { address }));
  };
  return { ...provider, engine, clock, allowed, strangers, send, verifications: () => verifications };
}

/** Asserts a refusal that reached neither engine nor books. */
export async function assertRefused(
  access: Awaited<ReturnType<typeof openAccess>>,
  sent: Sent,
  status: number,
  code: string,
): Promise<void> {
  const before = access.jobs.all().length;
  const response = await access.send(sent);
  const { error } = (await response.json()) as { error: { code: string } };
  assert.deepEqual([response.status, error.code], [status, code]);
  assert.equal(access.jobs.all().length, before);
}
