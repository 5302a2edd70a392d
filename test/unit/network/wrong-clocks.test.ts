/**
 * Verifies: buying continues when a clock is set or wrong: offers, avoidance and retries count durations, and a difference
 * of clocks is known to those who ask for its size.
 * Setup: real signed offers over networks in memory; the clocks of provider and requester are set separately.
 * Fails if: a provider vanishes or is avoided for longer because a clock was set, or an offer outlives its validity.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { UNLIMITED } from '../../../main/core/budget/index.ts';
import { createCandidates } from '../../../main/core/gateway/candidates.ts';
import { LIVE_OFFER_CLOCK_ERROR_MS_MAX, readOffer } from '../../../main/core/identity/index.ts';
import { createDirectory } from '../../../main/core/network/index.ts';
import { NO_EXPERIENCE } from '../../../main/core/reputation/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { readCompletion } from '../../../shared/openai.ts';
import { manualClock } from '../../fakes/clock.ts';
import { offerChecks } from '../../fakes/identity.ts';
import { createFakeProvider, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';

const UNKNOWING = { experience: NO_EXPERIENCE, random: () => 0 };
const NO_HOLDERS = { find: () => null };

const HOUR_MS = 3_600_000;
const ASKED = readCompletion('chat', {
  model: OFFERED.id,
  messages: [{ role: 'user', content: 'Hello' }],
  max_tokens: 10,
});

async function setUp() {
  const hub = createFakeHub();
  const [clock, providerClock] = [manualClock(1_700_000_000_000), manualClock(1_700_000_000_000)];
  const [requester, network] = [await hub.createNetwork(), await hub.createNetwork()];
  await requester.start();
  await network.start();
  const provider = createFakeProvider(network, { clock: providerClock });
  const directory = createDirectory({
    network: requester,
    clock,
    readOffer: (jws, peer) =>
      readOffer(jws, peer, {
        ...offerChecks(clock),
        clockErrorMsMax: LIVE_OFFER_CLOCK_ERROR_MS_MAX,
      }),
  });
  await requester.connect(network.addresses()[0] ?? '');
  const advance = (durationMs: number) => {
    clock.advance(durationMs);
    providerClock.advance(durationMs);
  };
  return { clock, providerClock, directory, provider, peer: network.key.peer, advance, network };
}

it('finds the provider after either clock was set by up to hours', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: -12, max: 12 }),
      fc.integer({ min: -12, max: 12 }),
      async (ownHours, otherHours) => {
        const { clock, providerClock, directory, advance } = await setUp();
        assert.equal((await directory.find(OFFERED.id)).length, 1);
        clock.setTimeBy(ownHours * HOUR_MS);
        providerClock.setTimeBy(otherHours * HOUR_MS);
        assert.equal((await directory.find(OFFERED.id)).length, 1, 'right after');
        advance(20 * 60_000);
        assert.equal((await directory.find(OFFERED.id)).length, 1, 'after the old offer ended');
      },
    ),
    { numRuns: 20 },
  );
});

it('drops an offer when its lifetime has passed, whatever the time of day', async () => {
  const { clock, directory, network } = await setUp();
  await directory.find(OFFERED.id);
  await network.stop();
  clock.setTimeBy(-5 * HOUR_MS);
  clock.advance(10 * 60_000 - 1);
  assert.equal(directory.providers().length, 1);
  clock.advance(1);
  assert.equal(directory.providers().length, 0);
});

it('avoids a peer for as long as it was asked to, not for longer', async () => {
  const { clock, directory, peer, advance } = await setUp();
  await directory.find(OFFERED.id);
  directory.avoid(peer, 30_000);
  clock.setTimeBy(-HOUR_MS);
  advance(29_999);
  assert.equal(directory.providers().length, 0);
  advance(1);
  assert.equal(directory.providers().length, 1);
});

it('tries a peer that failed last for 30 s, whatever the time of day', async () => {
  const { clock, directory, peer } = await setUp();
  const two = [
    { peer, offer: (await directory.find(null))[0]?.offer ?? assert.fail('no offer') },
    { peer: 'other', offer: (await directory.find(null))[0]?.offer ?? assert.fail('no offer') },
  ];
  const candidates = createCandidates({
    holders: NO_HOLDERS,
    directory: { ...directory, find: async () => two },
    clock,
    accepts: () => true,
    ...UNKNOWING,
  });
  const order = async () =>
    (await candidates.list(ASKED, null, UNLIMITED.openRequest(null))).map((each) => each.peer);
  const [first = ''] = await order();
  candidates.noteFailure(first, true);
  clock.setTimeBy(-HOUR_MS);
  assert.equal((await order()).at(-1), first);
  clock.advance(30_000);
  assert.equal((await order())[0], first);
});

it('names the clock when no provider is found because of it', async () => {
  const { clock, directory } = await setUp();
  clock.setTimeBy(-48 * HOUR_MS);
  const candidates = createCandidates({
    directory,
    clock,
    accepts: () => true,
    holders: NO_HOLDERS,
    ...UNKNOWING,
  });
  await assert.rejects(candidates.list(ASKED, null, UNLIMITED.openRequest(null)), (error) => {
    assert.ok(isAppError(error, 'clock-wrong'));
    assert.match(error.message, /This machine’s clock is 2 days behind the clocks of the providers found/);
    return true;
  });
});

it('knows by how much the clocks of the peers differ', async () => {
  const { clock, directory } = await setUp();
  await directory.find(OFFERED.id);
  assert.equal(directory.peersAheadMs(), 0);
  clock.setTimeBy(-HOUR_MS);
  await directory.refresh(directory.providers()[0]?.peer ?? '');
  assert.ok(Math.abs((directory.peersAheadMs() ?? 0) - HOUR_MS) < 60_000);
});

it('tells by how much the clocks of enough peers are ahead', async () => {
  const { providerClock, directory, advance } = await setUp();
  assert.equal(directory.peersAheadMs(), null);
  providerClock.setTimeBy(5 * HOUR_MS);
  advance(1_000);
  await directory.find(null);
  const aheadMs = directory.peersAheadMs() ?? 0;
  assert.ok(Math.abs(aheadMs - 5 * HOUR_MS) < 60_000, `${aheadMs}`);
  assert.deepEqual([directory.peersAheadMs(1), directory.peersAheadMs(2)], [aheadMs, null]);
});
