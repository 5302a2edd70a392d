/**
 * Verifies: a machine pays relays only within its owner's limits, one step at a time and after the last one was used by its own
 * count, and loses at most one step to a relay that cheats.
 * Setup: the buying side and a relay's real HTTP service with allowances in one process, a fake gate and payer, a clock and bytes
 * that the test moves; lying relays change the service's responses.
 * Fails if: something is paid to a free relay or ahead of use, a relay that raises its price, counts more than came or keeps the
 * money gets a second step, or a budget is exceeded.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Hono } from 'hono';
import { createPeerKey, verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { createBudget } from '../../../main/core/budget/index.ts';
import { isPayable } from '../../../main/core/identity/index.ts';
import {
  createAllowances,
  createRelayingService,
  createRelaySpending,
  createRelayTerms,
  RelayBuying,
  type RelayBuyingParts,
  readRelayTerms,
} from '../../../main/core/relaying/index.ts';
import { IMMEDIATE } from '../../../main/ports/store.ts';
import { amount } from '../../../shared/money.ts';
import { RELAY_ALLOWANCE_PATH, RELAY_STEP_BYTES, RELAY_TERMS_PATH } from '../../../shared/relaying.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createFakePayer } from '../../fakes/payer.ts';
import { createFakeGate, FAKE_ASSET, FAKE_PAYOUT } from '../../fakes/payment-gate.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { manualUptime } from '../../fakes/uptime.ts';

const PRICE = 20n;
const NETWORK = 'eip155:31337';
const HOUR_MS = 3_600_000;

/** Changes a response of the relay; null drops the connection. */
type Lie = (path: string, method: string, response: Response) => Response | null | Promise<Response | null>;

interface Given {
  readonly price?: bigint;
  readonly priceMax?: bigint;
  readonly dayMax?: bigint;
  readonly network?: string;
}

async function setUp({ price = PRICE, priceMax = PRICE, dayMax = 1_000n, network = NETWORK }: Given = {}) {
  const clock = manualClock(Date.UTC(2026, 10, 30, 12));
  const key = await createPeerKey(await generateKeyPair('Ed25519'));
  const gate = createFakeGate();
  const allowances = createAllowances({ records: createMemoryRecordStore(), clock });
  const relay = { price, isAdding: true, lie: ((_path, _method, response) => response) as Lie };
  const earned: bigint[] = [];
  const app = createRelayingService({
    ...{ gate, clock, durability: IMMEDIATE, transaction: (run) => run() },
    allowances: { ...allowances, add: (peer, bytes) => void (relay.isAdding && allowances.add(peer, bytes)) },
    terms: createRelayTerms(key, clock, () => ({
      ...{ payout: FAKE_PAYOUT, networks: [network], asset: FAKE_ASSET },
      pricePerMegabyte: relay.price.toString(),
    })),
    price: () => amount(relay.price),
    ledger: {
      relayingCharged(charge) {
        earned.push(charge.amount);
        return 'posted';
      },
    },
    onUnexpected: (error) => assert.fail(String(error)),
  });
  const fetchRelay = reachRelay(app, () => relay.lie);
  const records = createMemoryRecordStore();
  const budget = createBudget({
    ...{ records, clock, uptime: manualUptime(clock), log: createRecordingLog() },
    ...{ settings: () => DEFAULT_SETTINGS, depositUsual: 100_000n },
  });
  const paid: bigint[] = [];
  const left: string[] = [];
  const buying = new RelayBuying({
    ...{ payer: createFakePayer(1), clock, log: createRecordingLog(), fetch: fetchRelay },
    spending: createRelaySpending({ records, budget, dayMax: () => dayMax }),
    readTerms: (jws, peer) => counted(readRelayTerms(jws, peer, { verifySigned, clock, clockErrorMsMax: 0 })),
    isPayable: (terms) => isPayable(terms, { network: NETWORK, assetId: FAKE_ASSET.id }),
    priceMax: () => priceMax,
    onLease: () => undefined,
    onPaid: (_relay, _lease, { charged }) => paid.push(charged),
    leave: (peer) => left.push(peer),
  });
  const name = key.peer;
  return {
    ...{ clock, relay, allowances, gate, paid, left, earned, budget, key, name },
    priceOf: () => buying.priceOf(name),
    costOf: () => buying.costOf(name),
    /** Bytes that go over the relay and arrive. */
    async flow(bytes: number): Promise<void> {
      for (let sent = 0; sent < bytes; sent += 100_000) {
        allowances.take('machine', 100_000);
        buying.count(name, 100_000);
        await settled();
      }
    },
  };
}

/** The relay's service as the machine reaches it. */
function reachRelay(app: Hono, lie: () => Lie): RelayBuyingParts['fetch'] {
  const answer: RelayBuyingParts['fetch'] = async (_relay, path, init) => {
    const headers = new Headers(init.headers);
    headers.set('x-peer-id', 'machine');
    const response = await app.fetch(new Request(`http://relay.invalid${path}`, { ...init, headers }));
    const told = await lie()(path, init.method ?? 'GET', response);
    if (told === null) throw new Error('the connection was lost');
    return told;
  };
  return (...given) => counted(answer(...given));
}

/** Signatures are made and checked by other threads, which take their time: calls in progress. */
let calls = 0;

/** Counts a call while it is in progress. */
async function counted<Result>(call: Promise<Result>): Promise<Result> {
  calls += 1;
  try {
    return await call;
  } finally {
    calls -= 1;
  }
}

/** Lets everything end that needs no timer. */
async function settled(): Promise<void> {
  for (let quietTurns = 0; quietTurns < 10; quietTurns += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (calls > 0) quietTurns = 0;
  }
}

test('pays for what it uses, step by step, and both sides have the same sum', async () => {
  const market = await setUp();
  assert.equal(await market.priceOf(), PRICE);
  await settled();
  assert.deepEqual(market.paid, [], 'a place alone costs nothing');
  await market.flow(5 * RELAY_STEP_BYTES);
  assert.deepEqual(
    market.paid,
    Array.from({ length: 6 }, () => PRICE),
    'the sixth is in use',
  );
  assert.deepEqual(market.earned, market.paid);
  assert.equal(market.gate.total(), 6n * PRICE);
  assert.ok(market.budget.isTrusted(market.name), 'it has forwarded what was paid');
  assert.equal(market.budget.spentDay(), 6n * PRICE);
  assert.deepEqual(market.left, []);
});

test('uses free relays only, unless the owner allows a price', async () => {
  const market = await setUp({ priceMax: 0n });
  assert.equal(await market.priceOf(), null);
  market.clock.advance(HOUR_MS);
  market.relay.price = 0n;
  assert.equal(await market.priceOf(), 0n);
  await market.flow(3 * RELAY_STEP_BYTES);
  assert.deepEqual(market.paid, []);
});

test('takes a relay without terms for a free one, and one whose terms aren’t its own for none', async () => {
  const without = await setUp();
  without.relay.lie = (path, _method, response) =>
    path === RELAY_TERMS_PATH ? new Response('', { status: 404 }) : response;
  assert.equal(await without.priceOf(), 0n);
  const other = await setUp();
  const forged = await setUp();
  const terms = await termsOf(other);
  forged.relay.lie = (path, _method, response) =>
    path === RELAY_TERMS_PATH ? new Response(terms) : response;
  assert.equal(await forged.priceOf(), null);
  const named = await termsOf({ ...forged, key: { ...forged.key, peer: other.name } });
  forged.relay.lie = (path, _method, response) =>
    path === RELAY_TERMS_PATH ? new Response(named) : response;
  assert.equal(await forged.priceOf(), null, 'signed by the relay, for another one');
  for (const body of ['', '{', 'x'.repeat(100_000), '..', '[[[[']) {
    forged.relay.lie = () => new Response(body);
    assert.equal(await forged.priceOf(), null);
  }
  const old = await setUp();
  const stale = await termsOf(old);
  old.clock.advance(2 * HOUR_MS);
  old.relay.lie = (path, _method, response) => (path === RELAY_TERMS_PATH ? new Response(stale) : response);
  assert.equal(await old.priceOf(), null);
});

test('doesn’t use a relay that is paid on another chain', async () => {
  const market = await setUp({ network: 'eip155:1' });
  assert.equal(await market.priceOf(), null);
});

test('leaves a relay that raises its price, and pays nothing at the new one', async () => {
  const market = await setUp();
  await market.priceOf();
  await market.flow(RELAY_STEP_BYTES / 2);
  assert.deepEqual(market.paid, [PRICE]);
  market.relay.price = PRICE + 1n;
  await market.flow(RELAY_STEP_BYTES);
  market.clock.advance(5_000);
  await settled();
  assert.deepEqual(market.left, [market.name]);
  assert.deepEqual(market.paid, [PRICE]);
  assert.equal(await market.priceOf(), null, 'it isn’t asked again for an hour');
  market.relay.price = PRICE;
  market.clock.advance(HOUR_MS + 1);
  assert.equal(await market.priceOf(), PRICE);
});

test('pays a relay that forwards nothing one step', async () => {
  const market = await setUp();
  await market.priceOf();
  await market.flow(100_000);
  market.clock.advance(24 * HOUR_MS);
  await settled();
  assert.deepEqual(market.paid, [PRICE]);
});

test('leaves a relay that takes the money and adds nothing, after one step', async () => {
  const market = await setUp();
  market.relay.isAdding = false;
  await market.priceOf();
  await market.flow(2 * RELAY_STEP_BYTES);
  assert.deepEqual(market.left, [market.name]);
  assert.equal(market.gate.total(), PRICE);
});

test('leaves a relay that takes the money and answers with something else, after one step', async () => {
  for (const body of ['', '{', '[]', 'x'.repeat(100_000)]) {
    const market = await setUp();
    market.relay.lie = (path, method, response) =>
      path === RELAY_ALLOWANCE_PATH && method === 'POST' ? new Response(body, response) : response;
    await market.priceOf();
    await market.flow(2 * RELAY_STEP_BYTES);
    assert.deepEqual(market.left, [market.name], body.slice(0, 3));
    assert.equal(market.gate.total(), PRICE);
  }
});

test('waits between attempts at a busy relay, however many bytes come meanwhile', async () => {
  const market = await setUp();
  market.relay.lie = (path, method, response) =>
    path === RELAY_ALLOWANCE_PATH && method === 'POST'
      ? Response.json({ charged: '0' }, { status: 503 })
      : response;
  await market.priceOf();
  await market.flow(RELAY_STEP_BYTES / 2);
  assert.deepEqual(market.left, []);
  market.relay.lie = (_path, _method, response) => response;
  market.clock.advance(5_000);
  await settled();
  assert.equal(market.gate.total(), PRICE, 'the step that the relay had charged is used first');
  assert.deepEqual(market.left, []);
});

test('leaves a relay that charges for what it refuses, after one step', async () => {
  const market = await setUp();
  market.relay.lie = (path, method, response) =>
    path === RELAY_ALLOWANCE_PATH && method === 'POST'
      ? Response.json({ charged: PRICE.toString(), chargedNow: PRICE.toString() }, { status: 402 })
      : response;
  await market.priceOf();
  await market.flow(RELAY_STEP_BYTES / 2);
  market.clock.advance(60_000);
  await settled();
  assert.deepEqual(market.left, [market.name]);
  assert.equal(market.budget.spentDay(), PRICE, 'the budget counts what was charged');
  assert.deepEqual(market.costOf(), { pricePerMegabyte: PRICE, paid: PRICE });
});

test('takes a relay again that it left for a false count, an hour later and from its new count', async () => {
  const market = await setUp();
  await market.priceOf();
  await market.flow(100_000);
  market.allowances.take('machine', 800_000);
  await market.flow(RELAY_STEP_BYTES);
  assert.deepEqual(market.left, [market.name]);
  market.clock.advance(HOUR_MS + 1);
  assert.equal(await market.priceOf(), PRICE);
  await market.flow(3 * RELAY_STEP_BYTES);
  assert.deepEqual(market.left, [market.name], 'it isn’t left a second time');
  assert.equal(market.costOf()?.paid, market.gate.total());
});

test('leaves a relay that loses its answers with the money, after one step', async () => {
  const market = await setUp();
  market.relay.isAdding = false;
  market.relay.lie = (path, method, response) =>
    path === RELAY_ALLOWANCE_PATH && method === 'POST' ? null : response;
  await market.priceOf();
  await market.flow(RELAY_STEP_BYTES / 2);
  for (let retry = 0; retry < 10; retry += 1) {
    market.clock.advance(5_000);
    await settled();
  }
  assert.deepEqual(market.left, [market.name]);
  assert.equal(market.gate.total(), PRICE);
  assert.equal(market.budget.spentDay(), PRICE, 'the budget counts what was charged');
});

test('continues after a lost answer with what the relay has added', async () => {
  const market = await setUp();
  let isLost = true;
  market.relay.lie = (path, method, response) => {
    if (path !== RELAY_ALLOWANCE_PATH || method !== 'POST' || !isLost) return response;
    isLost = false;
    return null;
  };
  await market.priceOf();
  await market.flow(100_000);
  market.clock.advance(5_000);
  await settled();
  assert.equal(market.gate.total(), PRICE);
  await market.flow(RELAY_STEP_BYTES - 200_000);
  assert.equal(market.gate.total(), PRICE, 'the step that was paid for isn’t paid again');
  await market.flow(200_000);
  assert.equal(market.gate.total(), 2n * PRICE);
  assert.deepEqual(market.left, []);
});

test('leaves a relay that counts more than came', async () => {
  const market = await setUp();
  await market.priceOf();
  await market.flow(100_000);
  assert.deepEqual(market.paid, [PRICE]);
  market.allowances.take('machine', 800_000);
  await market.flow(RELAY_STEP_BYTES);
  assert.deepEqual(market.left, [market.name]);
  assert.deepEqual(market.paid, [PRICE, PRICE]);
});

test('tolerates bytes that were on their way when connections ended', async () => {
  const market = await setUp();
  await market.priceOf();
  await market.flow(100_000);
  market.allowances.take('machine', 300_000);
  await market.flow(3 * RELAY_STEP_BYTES);
  assert.deepEqual(market.left, []);
});

test('pays no more than its budget of 24 hours, and leaves the relay then', async () => {
  const market = await setUp({ dayMax: 3n * PRICE });
  await market.priceOf();
  await market.flow(5 * RELAY_STEP_BYTES);
  assert.deepEqual(market.paid, [PRICE, PRICE, PRICE]);
  assert.deepEqual(market.left, [market.name]);
  market.clock.advance(25 * HOUR_MS);
  assert.equal(await market.priceOf(), PRICE);
  await market.flow(2 * RELAY_STEP_BYTES);
  assert.ok(market.paid.length > 3);
});

test('pays a debt of an earlier run first, because nobody could reach it', async () => {
  const market = await setUp();
  for (let sent = 0; sent < 9; sent += 1) market.allowances.take('machine', 100_000);
  assert.equal(await market.priceOf(), PRICE);
  await settled();
  assert.deepEqual(market.paid, [PRICE]);
  assert.deepEqual(market.left, []);
});

test('uses what an earlier run has left before it pays', async () => {
  const market = await setUp();
  market.allowances.add('machine', RELAY_STEP_BYTES);
  await market.priceOf();
  await market.flow(RELAY_STEP_BYTES - 100_000);
  assert.deepEqual(market.paid, []);
  await market.flow(100_000);
  assert.deepEqual(market.paid, [PRICE]);
});

test('doesn’t believe in a debt beyond any grace', async () => {
  const market = await setUp();
  market.relay.lie = (path, method, response) =>
    path === RELAY_ALLOWANCE_PATH && method === 'GET'
      ? Response.json({ boughtBytes: 0, usedBytes: 50_000_000 })
      : response;
  assert.equal(await market.priceOf(), null);
  assert.deepEqual(market.paid, []);
});

function termsOf({ key, clock }: Pick<Awaited<ReturnType<typeof setUp>>, 'key' | 'clock'>): Promise<string> {
  return createRelayTerms(key, clock, () => ({
    ...{ payout: FAKE_PAYOUT, networks: [NETWORK], asset: FAKE_ASSET },
    pricePerMegabyte: PRICE.toString(),
  }))();
}
