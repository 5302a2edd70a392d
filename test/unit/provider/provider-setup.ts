/** Set-up and assertions of the provider tests. */
import assert from 'node:assert/strict';
import type { ProviderOptions } from '../../../main/core/provider/index.ts';
import { readEvents, type ServerEvent } from '../../../main/core/sse/index.ts';
import { PAYMENT_HEADER } from '../../../main/ports/payments.ts';
import type { OfferedModel } from '../../../shared/offer.ts';
import { CHAT_PATH } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { OFFERED as CHEAP, createFakeProvider } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { encode } from '../../fakes/payment-gate.ts';
import { createScriptedEngine } from '../../fakes/scripted-engine.ts';

/** Whole base units for each token, so that every single one changes the charge. */
export const OFFERED = { ...CHEAP, price: { inputPerMillion: '2000000', outputPerMillion: '7000000' } };
const hub = createFakeHub();
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
let channels = 0;

/** The real service with a scripted engine, a fake payment gate and a clock that the test moves. */
export async function setUp(options: Partial<ProviderOptions> & { models?: OfferedModel[] } = {}) {
  const network = await hub.createNetwork();
  const clock = manualClock(1_700_000_000_000);
  const engine = createScriptedEngine();
  const provider = createFakeProvider(network, {
    clock,
    models: [OFFERED],
    ...options,
    engine,
  });
  const peer = network.key.peer;
  channels += 1;
  const voucher = (channelId = `c${channels}`) => ({
    [PAYMENT_HEADER]: encode({ channelId, payer: 'payer', most: '1000000' }),
  });
  function post(
    body: object | string,
    more: { signal?: AbortSignal; headers?: Record<string, string>; path?: string } = {},
  ) {
    const request = new Request(`http://provider${more.path ?? CHAT_PATH}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-peer-id': 'requester',
        ...voucher(),
        ...more.headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(more.signal ? { signal: more.signal } : {}),
    });
    return Promise.resolve(provider.service.app.fetch(request));
  }
  /** Asserts that nothing is in progress. */
  function assertIdle() {
    assert.deepEqual([...provider.gate.busy], [], 'no channel is busy');
    assert.deepEqual(provider.service.active(), [], 'no job is active');
    assert.deepEqual(provider.faults, []);
  }
  return { ...provider, engine, clock, post, voucher, peer, assertIdle };
}

/** A valid request body. */
export const ask = (more: object = {}) => ({
  model: OFFERED.id,
  messages: [{ role: 'user', content: 'Hello' }],
  max_tokens: 10,
  ...more,
});

/** Asserts an error response in OpenAI's format. */
export async function refused(
  response: Response,
  status: number,
  expected: { param?: string | null; code?: string },
) {
  assert.equal(response.status, status);
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  assert.equal(typeof error.message, 'string');
  assert.equal(typeof error.type, 'string');
  for (const [name, value] of Object.entries(expected)) assert.equal(error[name], value);
}

/** Reads one batch of events at a time. */
export function reading(response: Response) {
  assert.equal(response.status, 200);
  const batches = readEvents(response.body ?? assert.fail('no body'));
  return {
    async next(): Promise<ServerEvent[]> {
      const { value, done } = await batches.next();
      return done ? [] : value;
    },
    async rest(): Promise<ServerEvent[]> {
      const events: ServerEvent[] = [];
      for await (const batch of batches) events.push(...batch);
      return events;
    },
    leave: () => batches.return(),
  };
}

export const textOf = (events: readonly ServerEvent[]) =>
  events
    .filter(({ event, data }) => event === null && data !== '[DONE]')
    .map(({ data }) => JSON.parse(data).choices?.[0]?.delta?.content ?? '')
    .join('');
export const dataOf = (events: readonly ServerEvent[], name: string) =>
  events.find(({ event }) => event === name)?.data ?? assert.fail(`no event ${name}`);
