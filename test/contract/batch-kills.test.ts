/**
 * Verifies: whichever moment a buyer, its provider or both are killed at, a batch answers every line, and no line is bought
 * twice.
 * Setup: the agent's own buying side with its databases, a real provider with a fake engine, real payments on a local chain,
 * and a clock that the test moves. Kills come at moments drawn from a seed: before and after each request, token and
 * charge. The buyer's jobs are read by code that shares nothing with the agent.
 * Fails if: a line is missing or paid twice, an answer that was charged is lost, a charge is recorded for another line, or
 * the sums of lines, ledger and provider differ.
 * Lab: buyers and providers are killed dozens of times.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { amount } from '../../shared/money.ts';
import { compare } from '../crash/batch-run.ts';
import { readBooks } from '../crash/ledger-snapshot.ts';
import { seededRandom } from '../crash/plan.ts';
import { manualClock } from '../fakes/clock.ts';
import { createFakeHub } from '../fakes/network.ts';
import { chatLine, clientOf, isEnded } from '../unit/batches/batch-market.ts';
import { TEST_METHODS } from './chain-methods.ts';
import { type MarketParts, openMortalBuyer, openMortalProvider } from './mortal-market.ts';
import { makeAccounts } from './paid-service.ts';

const LINES = 24;
const KILLS = 8;
/** Moments from one kill to the next, at most. */
const MOMENTS_MAX = 50;
/** Time for which a provider is away after a kill, at most. */
const AWAY_MS_MAX = 15_000;
const STEP_MS = 100;
const lines = Array.from({ length: LINES }, (_, index) => chatLine(`line-${index}`, `a b c d e f ${index}`));

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-batch-kills-'));
let chain: PracticeChain;

before(async () => {
  chain = await startPracticeChain({ folder, moreMethods: TEST_METHODS });
});

after(async () => {
  await chain.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Victim = 'buyer' | 'provider' | 'both';
const VICTIMS: readonly Victim[] = ['buyer', 'provider', 'both'];

/** Opens both sides, and draws who is killed at which moment. */
async function openMarket(seed: number) {
  const draw = seededRandom(seed);
  const below = (limit: number) => Math.floor(draw() * limit);
  const clock = manualClock(Date.now());
  const kills: string[] = [];
  let left = 0;
  let victim: Victim | null = null;
  let awayUntilMs = 0;
  const isAway = () => clock.now() < awayUntilMs;
  const parts: MarketParts = {
    ...{ chain, clock, folder: mkdtempSync(join(folder, `seed-${seed}-`)) },
    moment() {
      left -= 1;
      if (left !== 0 || kills.length >= KILLS) return;
      victim = VICTIMS[below(VICTIMS.length)] ?? 'both';
      kills.push(victim);
      if (victim !== 'buyer') provider.kill();
      if (victim !== 'provider') buyer.kill();
      if (victim !== 'buyer') awayUntilMs = clock.now() + below(AWAY_MS_MAX);
    },
  };
  const hub = createFakeHub();
  const [selling, buying] = await Promise.all([hub.createNetwork(), hub.createNetwork()]);
  await Promise.all([selling.start(), buying.start()]);
  const connect = () => buying.connect(selling.addresses()[0] ?? '');
  await connect();
  const [seller, payer] = await Promise.all([makeAccounts(), makeAccounts()]);
  await chain.fund(seller.gas.address, amount(0));
  await chain.fund(payer.funds.address);
  const provider = await openMortalProvider(parts, selling, seller);
  const buyer = await openMortalBuyer(parts, buying, { accounts: payer, isAway });

  /** Starts what was killed. */
  async function revive(): Promise<void> {
    const killed = victim;
    victim = null;
    if (killed !== null && killed !== 'buyer') await provider.start();
    if (killed !== null && killed !== 'provider') await buyer.start();
    if (killed !== null && !isAway()) await connect();
    left = 1 + below(MOMENTS_MAX);
  }

  /** Moves the clock; a provider that is back connects. */
  async function pass(): Promise<void> {
    const wasAway = isAway();
    clock.advance(STEP_MS);
    if (wasAway && !isAway()) await connect();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }

  return { kills, provider, buyer, revive, pass, wasKilled: () => victim !== null };
}

type Market = Awaited<ReturnType<typeof openMarket>>;

/** Moves the clock until the batch has ended, and starts again what is killed; the test's own time limit ends it. */
async function runBatch({ buyer, revive, pass, wasKilled }: Market) {
  const client = () => clientOf(buyer.gateway().baseUrl, buyer.gateway().key);
  const { id } = await client().begin(lines);
  await revive();
  for (;;) {
    if (wasKilled()) await revive();
    await pass();
    const batch = await client()
      .find(id)
      .catch(() => null);
    if (batch === null || !isEnded(batch) || wasKilled()) continue;
    const results = await Promise.all([batch.output_file_id, batch.error_file_id].map(client().results));
    return { batch, results: results.flat() };
  }
}

for (const seed of [1, 3]) {
  test(`kills at moments of seed ${seed} lose no line and pay none twice`, {
    timeout: 8 * 60_000,
  }, async (t) => {
    const market = await openMarket(seed);
    const { batch, results } = await runBatch(market);
    t.diagnostic(`killed: ${market.kills.join(' ')}`);
    assert.equal(market.kills.length, KILLS);
    assert.deepEqual(
      results.filter(({ error }) => error !== null),
      [],
    );
    assert.deepEqual(batch.request_counts, { total: LINES, completed: LINES, failed: 0 });
    assert.equal(new Set(results.map(({ custom_id }) => custom_id)).size, LINES);
    const books = readBooks(homePaths(market.buyer.home()).database);
    assert.deepEqual(compare(results, books.costs), { paidTwice: [], wrong: [], strays: [] });
    const sum = results.reduce((all, { idlewatt }) => all + BigInt(idlewatt.charged ?? 0), 0n);
    assert.ok(sum > 0n);
    assert.equal(books.sums.get(`expense:inference ${chain.network.token.id}`), sum);
    assert.equal(market.provider.charged(), sum);
    await market.buyer.close();
  });
}
