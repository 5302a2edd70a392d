/**
 * Verifies: an offer states the speed that a job gets now, and is signed again as soon as that changes.
 * Setup: a real benchmark record, duty cycle and offers on a fake engine.
 * Fails if: a throttled machine or one at low intensity offers its full speed, an offer keeps an outdated speed for
 * minutes.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { createPeerKey } from '../../../main/adapters/libp2p/index.ts';
import { measuredFrom } from '../../../main/core/benchmark/measured.ts';
import { createEngineDuty } from '../../../main/core/engine/index.ts';
import { createOffers } from '../../../main/core/identity/index.ts';
import { createPricing } from '../../../main/core/pricing/index.ts';
import { type Offerable, offeredModels } from '../../../main/core/serving/index.ts';
import type { Engine } from '../../../main/ports/engine.ts';
import type { Measurement } from '../../../shared/api/state.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeEngine, FAKE_LOAD, FAKE_MODEL } from '../../fakes/engine.ts';
import { UNBOUND } from '../../fakes/identity.ts';
import { FAKE_ASSET, FAKE_PAYOUT } from '../../fakes/payment-gate.ts';

/** Of the last time that the model was loaded. */
const FACTS = {
  ...{ contextTokens: 512, sequences: 2, threads: FAKE_LOAD.threads, backend: 'cpu', loadMs: 1_500.4 },
  ...{ quantisation: 'F32', parameterCount: 1 },
};

const MEASURED = (['prefill', 'decode'] as const).map(
  (name): Measurement => ({
    name,
    mode: 'cpu',
    value: name === 'decode' ? 40 : 400,
    unit: 'tokens-per-second',
    spreadPercent: 1,
    runs: 5,
    conditions: { model: FAKE_MODEL.id, threads: FAKE_LOAD.threads, streams: 1, dutyPercent: 100 },
    atMs: 1,
  }),
);

function offerable(engine: Engine): Offerable[] {
  const status = engine.status();
  if (status.state !== 'ready') return [{ ...FAKE_MODEL, facts: FACTS, isLoaded: false }];
  return [{ ...FAKE_MODEL, facts: status.loaded, isLoaded: true }];
}

async function setUp() {
  const engine = createFakeEngine({ loaded: FAKE_LOAD });
  const duty = createEngineDuty(engine);
  const benchmark = measuredFrom([MEASURED]);
  const pricing = createPricing({
    clock: manualClock(0),
    rules: () => DEFAULT_SETTINGS,
    facts: () => ({ market: [], powerCost: null }),
    isOffPeak: () => false,
  });
  const offers = createOffers({
    key: await createPeerKey(await generateKeyPair('Ed25519')),
    clock: manualClock(1_000_000),
    terms: () => ({
      payout: FAKE_PAYOUT,
      networks: ['eip155:31337'],
      asset: FAKE_ASSET,
      models: offeredModels({ models: offerable(engine), pricing, benchmark, duty }),
      slots: 1,
    }),
    bindings: UNBOUND,
  });
  const offered = async () => (await offers.current()).offer.models[0];
  return { engine, duty, offered };
}

test('the offer follows a throttle immediately, in both directions', async () => {
  const { duty, offered } = await setUp();
  assert.equal((await offered())?.decodeTokensPerSecond, 40);
  duty.give(50);
  assert.equal((await offered())?.decodeTokensPerSecond, 20);
  assert.equal((await offered())?.prefillTokensPerSecond, 200);
  duty.give(100);
  assert.equal((await offered())?.decodeTokensPerSecond, 40);
});

test('a measurement at full speed does not raise the offered speed', async () => {
  const { duty, offered } = await setUp();
  duty.give(25);
  await duty.during(100, async () => assert.equal((await offered())?.decodeTokensPerSecond, 10));
});

test('a model that isn’t loaded is offered at the speed it will have, with the time of its last load', async () => {
  const { engine, offered } = await setUp();
  assert.equal((await offered())?.loadMs, undefined);
  await engine.unload();
  const { loadMs, decodeTokensPerSecond, contextTokens } = (await offered()) ?? {};
  assert.deepEqual(
    { loadMs, decodeTokensPerSecond, contextTokens },
    { loadMs: 1_500, decodeTokensPerSecond: 40, contextTokens: 512 },
  );
});
