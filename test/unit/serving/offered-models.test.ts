/**
 * Goal: an offer promises the speed that a job gets now, and is signed anew as soon as that changes.
 * Method: a real benchmark record, duty and offers around a fake engine.
 * Would break: the full speed promised by a machine that is throttled or kept quiet, an offer that keeps the speed of
 * before for minutes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { createPeerKey } from '../../../main/adapters/libp2p/index.ts';
import { offeredModels } from '../../../main/agent/offered-models.ts';
import { measuredFrom } from '../../../main/core/benchmark/measured.ts';
import { createEngineDuty } from '../../../main/core/engine/index.ts';
import { createOffers } from '../../../main/core/identity/index.ts';
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
  const promised = async () => (await offers.current()).offer.models[0];
  return { engine, duty, promised };
}

test('a throttle is in the offer at once, and gone with it', async () => {
  const { duty, promised } = await setUp();
  assert.equal((await promised())?.decodeTokensPerSecond, 40);
  duty.give(50);
  assert.equal((await promised())?.decodeTokensPerSecond, 20);
  assert.equal((await promised())?.prefillTokensPerSecond, 200);
  duty.give(100);
  assert.equal((await promised())?.decodeTokensPerSecond, 40);
});

test('a measurement at full speed promises none of it to jobs', async () => {
  const { duty, promised } = await setUp();
  duty.give(25);
  await duty.during(100, async () => assert.equal((await promised())?.decodeTokensPerSecond, 10));
});

test('with nothing loaded nothing is offered', async () => {
  const { engine, promised } = await setUp();
  await engine.unload();
  assert.equal(await promised(), undefined);
});
