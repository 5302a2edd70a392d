/**
 * Verifies: opinions are bought from providers that have delivered, at any price that is no more than the answer's, and from
 * a stranger only where the owner permits it; they make nobody better known, and none of them is checked itself.
 * Setup: three real provider services with scripted engines on a network in memory, and a real gateway.
 * Fails if: strangers can collect deposits or trust by opinions, a cheap provider is preferred, an opinion costs more than
 * the answer, a failing provider is asked again and again, or an opinion asks for the next one.
 */
import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import type { ProvenAnswer, WantedOpinion } from '../../../main/core/answer-checks/index.ts';
import { type HoldEnd, UNLIMITED } from '../../../main/core/budget/index.ts';
import { createExperience } from '../../../main/core/reputation/index.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import type { Network } from '../../../main/ports/network.ts';
import { readChat } from '../../../shared/openai.ts';
import { createFakeEngine } from '../../fakes/engine.ts';
import { createFakeGateway, createFakeProvider, FAKE_LIFE, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const hub = createFakeHub();
const buying = await hub.createNetwork();
await buying.start();
const sellers: Network[] = [];
const providers: ReturnType<typeof createFakeProvider>[] = [];
for (const price of ['20000', '80000', '320000']) {
  const network = await hub.createNetwork();
  await network.start();
  const models = [{ ...OFFERED, price: { inputPerMillion: price, outputPerMillion: price } }];
  providers.push(createFakeProvider(network, { models, engine: createFakeEngine({ loaded: FAKE_LIFE }) }));
  await buying.connect(network.addresses()[0] ?? '');
  sellers.push(network);
}
const [cheap = '', middle = '', dear = ''] = sellers.map(({ key }) => key.peer);
const state = { trusted: [] as string[], drawn: 0.999, places: 0, ends: [] as HoldEnd['kind'][] };
const considered: ProvenAnswer[] = [];
const experience = createExperience({ records: createMemoryRecordStore(), clock: systemClock });
const gateway = await createFakeGateway(buying, {
  experience,
  budget: {
    isTrusted: (peer) => state.trusted.includes(peer),
    takeOpinionPlace() {
      state.places -= 1;
      return state.places >= 0;
    },
    openRequest: (priceMax) => ({
      ...UNLIMITED.openRequest(priceMax),
      hold: () => ({
        begin: () => undefined,
        end: ({ kind }) => state.ends.push(kind),
        learned: () => undefined,
      }),
    }),
  },
  random: () => state.drawn,
  onProven: (answer) => considered.push(answer),
});
await gateway.directory.find(null);
after(async () => {
  await gateway.stop();
  for (const network of [buying, ...sellers]) await network.stop();
});

const debits: bigint[] = [];
const ask = (without: readonly string[] = [], change: Partial<WantedOpinion> = {}) =>
  gateway.gateway.buyOpinion({
    asked: readChat({
      model: OFFERED.id,
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: 4,
      seed: 7,
    }),
    ...{ sha256: OFFERED.sha256, without: new Set(without), requester: new AbortController().signal },
    ...{ from: 'anybody', costMax: 1_000_000n, inputTokens: 10 },
    debit(most) {
      debits.push(most);
      return (charged) => debits.push(charged);
    },
    ...change,
  });

beforeEach(() => {
  considered.length = 0;
  debits.length = 0;
  Object.assign(state, { trusted: [], drawn: 0.999, places: 0, ends: [] });
});

describe('opinions', () => {
  it('come from any provider that has delivered, at any price, but not from one that has answered', async () => {
    state.trusted = [cheap, middle, dear];
    const peers = new Set<string | undefined>();
    for (const drawn of [0, 0.5, 0.999]) {
      state.drawn = drawn;
      peers.add((await ask())?.peer);
    }
    assert.deepEqual(peers, new Set(state.trusted));
    state.trusted = [dear];
    const bought = await ask([cheap]);
    assert.deepEqual([bought?.peer, bought?.asked.seed], [dear, 7]);
    assert.deepEqual(considered, []);
  });

  it('cost no more than the answer by their offer; the most is debited before they are bought', async () => {
    state.trusted = [cheap, middle, dear];
    // 14 tokens for 80,000 per million.
    const costMax = 2n;
    for (const drawn of [0, 0.5, 0.999]) {
      state.drawn = drawn;
      assert.notEqual((await ask([], { costMax }))?.peer, dear);
    }
    debits.length = 0;
    const bought = await ask([], { costMax });
    const [most, charged] = debits;
    assert.deepEqual([debits.length, charged], [2, bought?.charged]);
    assert.ok(most !== undefined && charged !== undefined && most > charged);
    assert.equal(await ask([], { costMax: 0n }), null);
  });

  it('make no provider better known or more trusted', async () => {
    state.trusted = [middle];
    for (let count = 0; count < 12; count += 1) await ask();
    assert.deepEqual([experience.isKnown(middle), experience.of(middle, OFFERED.sha256).seen], [false, 0]);
    assert.equal(experience.of(middle, OFFERED.sha256).firstTokenMs, null);
    assert.deepEqual(new Set(state.ends), new Set(['compared']));
  });

  it('come from well-known providers first, which can hold a difference against another one', async () => {
    state.trusted = [cheap, middle, dear];
    for (let count = 0; count < 9; count += 1)
      experience.noteEnd(cheap, OFFERED.sha256, { kind: 'delivered', tokensPerSecond: null });
    for (const drawn of [0, 0.5, 0.999]) {
      state.drawn = drawn;
      assert.equal((await ask())?.peer, cheap);
    }
  });
});

describe('opinions of strangers', () => {
  it('are bought only if the owner permits them, and while there are places', async () => {
    state.places = 2;
    assert.equal(await ask([], { from: 'known' }), null);
    assert.equal(await ask([], { costMax: 0n }), null, 'nobody is listed');
    assert.equal(state.places, 2, 'neither took a place');
    const bought = [await ask(), await ask(), await ask()];
    assert.deepEqual(
      bought.map((each) => each !== null),
      [true, true, false],
    );
    state.trusted = [middle];
    assert.equal((await ask())?.peer, middle, 'the limit is that of strangers');
  });
});

describe('opinions that fail', () => {
  it('are not asked of the same provider again', async () => {
    state.trusted = [dear];
    const [, , failing] = sellers;
    failing?.serve(null as never);
    await assert.rejects(ask());
    assert.equal(await ask(), null);
  });

  it('send nothing once they aren’t needed, even if their deposit was on its way', async () => {
    state.trusted = [middle];
    const sold = () => providers.reduce((sum, { jobs }) => sum + jobs.all().length, 0);
    const before = sold();
    const leaving = new AbortController();
    const { lease } = gateway.payer;
    gateway.payer.lease = async (...wanted) => {
      const leased = await lease(...wanted);
      leaving.abort();
      return leased;
    };
    await assert.rejects(ask([], { requester: leaving.signal }), { code: 'aborted' });
    gateway.payer.lease = lease;
    await gateway.payer.idle();
    assert.deepEqual([sold(), gateway.payer.open(), state.ends], [before, 0, ['unused']]);
    assert.equal((await ask())?.peer, middle, 'it isn’t held against the provider');
  });
});
