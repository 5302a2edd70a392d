/** A market whose engines the test scripts token by token: real provider services and a gateway on networks in memory. */
import assert from 'node:assert/strict';
import type { GatewayOptions } from '../../../main/core/gateway/index.ts';
import type { PurchaseLimits } from '../../../main/core/gateway/purchase.ts';
import type { Network } from '../../../main/ports/network.ts';
import { manualClock } from '../../fakes/clock.ts';
import { OFFERED as CHEAP, createFakeGateway, createFakeProvider } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { createScriptedEngine, type ScriptedEngine, type ScriptedRun } from '../../fakes/scripted-engine.ts';

export const OFFERED = { ...CHEAP, price: { inputPerMillion: '2000000', outputPerMillion: '7000000' } };
export const moreExpensive = (by: number) => ({
  ...OFFERED,
  price: { inputPerMillion: '2000000', outputPerMillion: String(7_000_000 + by) },
});
const hub = createFakeHub();
const closers: (() => Promise<void>)[] = [];
/** Closes every market of a test file: files share processes, and each loads this one only once. */
export async function closeMarkets(): Promise<void> {
  for (const close of closers.splice(0)) await close();
}

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A gateway and as many providers as models are given, cheapest first. */
export async function setUp(
  models: (typeof OFFERED)[],
  limits: Partial<PurchaseLimits> = {},
  options: (clock: ReturnType<typeof manualClock>) => Partial<GatewayOptions> = () => ({}),
) {
  const clock = manualClock(1_700_000_000_000);
  const buying = await hub.createNetwork();
  await buying.start();
  const providers: (ReturnType<typeof createFakeProvider> & { engine: ScriptedEngine; network: Network })[] =
    [];
  for (const model of models) {
    const network = await hub.createNetwork();
    await network.start();
    const engine = createScriptedEngine();
    const provider = createFakeProvider(network, { clock, models: [model], engine });
    await buying.connect(network.addresses()[0] ?? '');
    providers.push({ ...provider, engine, network });
  }
  const gateway = await createFakeGateway(buying, { clock, limits, ...options(clock) });
  await gateway.directory.find(null);
  closers.push(async () => {
    await gateway.stop();
    await buying.stop();
    for (const { network } of providers) await network.stop();
  });
  function ask(more: object = {}, signal?: AbortSignal): Promise<Response> {
    return fetch(`${gateway.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: OFFERED.id,
        messages: [{ role: 'user', content: 'Hi' }],
        max_tokens: 9,
        ...more,
      }),
      ...(signal ? { signal } : {}),
    });
  }
  async function assertIdle() {
    await gateway.gateway.idle();
    // A lost charge is queried until it is known; a lease that is never freed ends the test's time.
    while (gateway.payer.open() > 0) await turn();
    assert.deepEqual(gateway.faults, []);
    for (const { service, gate, faults } of providers) {
      while (service.active().length > 0) await turn();
      assert.deepEqual([...gate.busy], []);
      assert.deepEqual(faults, []);
    }
  }
  const [first, second] = providers;
  return { clock, gateway, providers, first: first ?? assert.fail(), second, ask, assertIdle };
}

export function finish(run: ScriptedRun, text = 'fine'): void {
  run.start(1);
  run.text(text, 1, 2);
  run.end('stop');
}

export async function textOf(response: Response): Promise<string> {
  assert.equal(response.status, 200);
  return (await response.json()).choices[0].message.content;
}

export async function codeOf(response: Response): Promise<[number, string]> {
  return [response.status, (await response.json()).error.code];
}
