/**
 * Verifies: a storefront that has just started comes to have the market's models without a purchase, and again after the last
 * offer has expired; visitors cause no searches.
 * Setup: a real directory on a network in memory with a provider whose model isn't loaded yet; the clock is a manual one.
 * Fails if: the list of models stays empty until something is bought, a storefront with offers keeps searching, or two
 * searches run at the same time.
 */
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { readOffer } from '../../../main/core/identity/index.ts';
import { createDirectory } from '../../../main/core/network/index.ts';
import { keepOffers } from '../../../main/core/storefront/index.ts';
import { manualClock } from '../../fakes/clock.ts';
import { offerChecks } from '../../fakes/identity.ts';
import { createFakeProvider, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';

const SEARCH_EVERY_MS = 5_000;
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
});

async function setUp() {
  const hub = createFakeHub();
  const clock = manualClock(1_700_000_000_000);
  const [selling, buying] = [await hub.createNetwork(), await hub.createNetwork()];
  for (const network of [selling, buying]) {
    await network.start();
    closers.push(() => network.stop());
  }
  const models: (typeof OFFERED)[] = [];
  createFakeProvider(selling, { clock, models });
  await buying.connect(selling.addresses()[0] ?? assert.fail());
  const directory = createDirectory({
    ...{ network: buying, clock },
    readOffer: (jws, peer) => readOffer(jws, peer, offerChecks(clock)),
  });
  directory.start();
  const searches: Promise<unknown>[] = [];
  const searched = () => Promise.all(searches);
  const end = keepOffers({
    directory: {
      ...directory,
      find(model) {
        const found = directory.find(model);
        searches.push(found);
        return found;
      },
    },
    clock,
    onUnexpected: (error) => assert.fail(String(error)),
  });
  await searched();
  return { clock, models, directory, searches, searched, end };
}

it('a storefront lists a model soon after its provider has loaded it, and then stops searching', async () => {
  const { clock, models, directory, searches, searched, end } = await setUp();
  const offered = () => directory.providers().flatMap(({ offer }) => offer.models.map(({ id }) => id));
  assert.deepEqual(offered(), []);
  models.push(OFFERED);
  clock.advance(SEARCH_EVERY_MS);
  await searched();
  assert.deepEqual(offered(), [OFFERED.id]);
  const count = searches.length;
  clock.advance(4 * SEARCH_EVERY_MS);
  assert.equal(searches.length, count);
  end();
});

it('a search that takes long isn’t joined by another one, and its end stops all', async () => {
  const clock = manualClock(0);
  const started: (() => void)[] = [];
  const directory = {
    providers: () => [],
    find: () => new Promise<[]>((resolve) => started.push(() => resolve([]))),
  };
  const end = keepOffers({ directory, clock, onUnexpected: (error) => assert.fail(String(error)) });
  clock.advance(3 * SEARCH_EVERY_MS);
  assert.equal(started.length, 1);
  started[0]?.();
  await new Promise(setImmediate);
  clock.advance(SEARCH_EVERY_MS);
  assert.equal(started.length, 2);
  started[1]?.();
  await new Promise(setImmediate);
  end();
  clock.advance(3 * SEARCH_EVERY_MS);
  assert.equal(started.length, 2);
});
