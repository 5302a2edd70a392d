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
import { offeredModels } from '../../../main/core/serving/index.ts';
import type { Measurement } from '../../../shared/api/state.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeEngine, FAKE_LOAD, FAKE_MODEL } from '../../fakes/engine.ts';
import { FAKE_ASSET, FAKE_PAYOUT } from '../../fakes/payment-gate.ts';

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

async function setUp() {
  const engine = createFakeEngine({ loaded: FAKE_LOAD });
  const duty = createEngineDuty(engine);
  const benchmark = measuredFrom([MEASURED]);
  const offers = createOffers({
    key: await createPeerKey(await generateKeyPair('Ed25519')),
    clock: manualClock(1_000_000),
    terms: () => ({
      payout: FAKE_PAYOUT,
      networks: ['eip155:31337'],
      asset: FAKE_ASSET,
      models: offeredModels({ status: engine.status(), settings: DEFAULT_SETTINGS, benchmark, duty }),
      slots: 1,
    }),
    provePayout: async () => null,
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

test('offers nothing while no model is loaded', async () => {
  const { engine, offered } = await setUp();
  await engine.unload();
  assert.equal(await offered(), undefined);
});
