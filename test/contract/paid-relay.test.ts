/**
 * Verifies: a relay that charges earns exactly what the machines that are reached over it spend, both ledgers and the chain
 * agree, and a machine that doesn't pay is cut while others are served.
 * Setup: a real relay, machines and a requester on loopback with libp2p, where private addresses count as public; channels on a
 * real local chain; ledgers on SQLite in memory.
 * Fails if: a byte is counted for another peer, a sum differs anywhere, a machine that pays is cut, or one that doesn't isn't.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Hono } from 'hono';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { readBalances } from '../../main/adapters/ethers/index.ts';
import { createHttpServer } from '../../main/adapters/http/index.ts';
import { createNetwork, createPublicNode } from '../../main/adapters/libp2p/index.ts';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import { openRelaying } from '../../main/agent/relaying.ts';
import { createBudget } from '../../main/core/budget/index.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { createLedger } from '../../main/core/ledger/index.ts';
import {
  createAllowances,
  createRelayChannels,
  createRelayingService,
  createRelayTerms,
} from '../../main/core/relaying/index.ts';
import { systemClock as clock } from '../../main/ports/clock.ts';
import type { Network, PublicNode, RelayMeter } from '../../main/ports/network.ts';
import { IMMEDIATE } from '../../main/ports/store.ts';
import { isAppError } from '../../shared/errors.ts';
import { amount, plainAsset } from '../../shared/money.ts';
import { DEFAULT_SETTINGS } from '../../shared/settings.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { manualUptime } from '../fakes/uptime.ts';
import { TEST_METHODS } from './chain-methods.ts';
import { makeAccounts, openProvider, openRequester } from './paid-service.ts';

const PRICE = 20n;
const REQUEST_BYTES = 100_000;
const folder = mkdtempSync(join(tmpdir(), 'idlewatt-paid-relay-'));
const closers: (() => unknown)[] = [];
let chain: PracticeChain;

before(async () => {
  chain = await startPracticeChain({ folder, moreMethods: TEST_METHODS });
});

after(async () => {
  await chain.stop();
  rmSync(folder, { recursive: true });
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function until(condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error('did not happen in time');
    await sleep(10);
  }
}

function openBooks() {
  const database = openDatabase(':memory:');
  closers.push(() => database.close());
  const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar('UTC') });
  return { database, ledger, records: database.records };
}

let nextPort = 31_000 + (process.pid % 10_000);

/** A relay on loopback; it serves no HTTP yet. */
async function openNode(meter?: RelayMeter): Promise<PublicNode> {
  nextPort += 1;
  const address = `/ip4/127.0.0.1/tcp/${nextPort}`;
  const node = await createPublicNode({
    ...{ folder: mkdtempSync(join(folder, 'relay-')), clock, log: createRecordingLog() },
    ...{ listen: [address], announce: [address], bootstrap: [], isRelay: true, scope: 'any' },
    ...(meter && { meter }),
  });
  await node.start();
  closers.push(() => node.stop());
  return node;
}

async function openRelay() {
  const accounts = await makeAccounts();
  await chain.fund(accounts.gas.address, amount(0));
  const provider = await openProvider(chain, accounts);
  const { ledger, records, database } = openBooks();
  const allowances = createAllowances({ records, clock });
  const node = await openNode(allowances);
  const terms = createRelayTerms(node.key, clock, () => ({
    payout: provider.gate.payout,
    networks: [chain.network.id],
    asset: plainAsset(chain.network.token),
    pricePerMegabyte: PRICE.toString(),
  }));
  const app = createRelayingService({
    ...{ gate: provider.gate, allowances, ledger, clock, terms, price: () => amount(PRICE) },
    ...{ transaction: database.transaction, durability: IMMEDIATE },
    onUnexpected: (error) => assert.fail(String(error)),
  });
  node.serve(createHttpServer(app));
  return { node, provider, ledger, allowances };
}

/** A machine that nobody can dial directly. */
async function openUnreachable(): Promise<Network> {
  const network = await createNetwork({
    ...{ folder: mkdtempSync(join(folder, 'machine-')), clock, mdns: false, listen: [] },
    market: { announce: [], scope: 'any' },
  });
  await network.start();
  closers.push(() => network.stop());
  return network;
}

/** The same with a place at the relay. */
async function openMachine(relay: PublicNode, choose: (network: Network) => void): Promise<Network> {
  const network = await openUnreachable();
  choose(network);
  network.market?.join(relay.addresses());
  const app = new Hono();
  app.post('/echo', async (context) => context.body(await context.req.text()));
  network.serve(createHttpServer(app));
  await until(() => network.market?.reach() === 'relayed');
  return network;
}

async function openPayingMachine(relay: PublicNode) {
  const accounts = await makeAccounts();
  await chain.fund(accounts.funds.address);
  const { ledger, records } = openBooks();
  const log = createRecordingLog();
  const budget = createBudget({
    ...{ records, clock, uptime: manualUptime(clock), log },
    ...{ settings: () => DEFAULT_SETTINGS, depositUsual: 100_000n },
  });
  const { payer, deposits } = openRequester(chain, accounts, { limits: budget.deposits });
  const settings = { ...DEFAULT_SETTINGS, relayPriceMax: PRICE.toString() };
  const network = await openMachine(relay, (opened) =>
    openRelaying(
      { clock, log, onClose: (close) => closers.push(close), changed: () => undefined },
      {
        foundation: { records, ledger, settings: { get: () => settings } },
        money: { chain: chain.network },
        ...{ network: opened, payer, budget, relayChannels: createRelayChannels(records) },
      },
    ),
  );
  return { network, ledger, deposits, budget };
}

/** Takes any place and counts nothing. */
function paysNothing({ market }: Network): void {
  market?.relays?.choose({ priceOf: async () => 0n, count: () => undefined, costOf: () => null });
}

/** A requester that knows these machines by their relayed addresses only. */
async function openRequesterOf(relay: PublicNode, machines: readonly Network[]): Promise<Network> {
  const network = await createNetwork({
    ...{ folder: mkdtempSync(join(folder, 'requester-')), clock, mdns: false, listen: [] },
    market: { announce: ['/ip4/127.0.0.1/tcp/9'], scope: 'any' },
  });
  await network.start();
  closers.push(() => network.stop());
  for (const { key } of machines) {
    const address = `${relay.addresses()[0]}/p2p-circuit/p2p/${key.peer}`;
    assert.equal(await network.market?.dial([address], AbortSignal.timeout(10_000)), true);
  }
  return network;
}

/** The end of a stream that is cut arrives immediately. */
function isNoTimeout(error: unknown): boolean {
  return !isAppError(error, 'aborted') && (error as Error).name !== 'TimeoutError';
}

/** Sends bytes to the machine and gets them back. */
async function echo(requester: Network, machine: Network, requests: number): Promise<void> {
  for (let request = 0; request < requests; request += 1) {
    const body = 'x'.repeat(REQUEST_BYTES);
    const init = { method: 'POST', body, signal: AbortSignal.timeout(10_000) };
    const response = await requester.fetch(machine.key.peer, '/echo', init);
    assert.equal(await response.text(), body);
  }
}

test('earns what the machine spends, by both ledgers and the chain, and cuts only machines that don’t pay', {
  // A chain, five peers and deposits on a machine that does other work.
  timeout: 120_000,
}, async () => {
  const { node: relay, provider, ledger, allowances } = await openRelay();
  const paying = await openPayingMachine(relay);
  const guest = await openMachine(relay, paysNothing);
  const requester = await openRequesterOf(relay, [paying.network, guest]);
  await echo(requester, paying.network, 3);
  await assert.rejects(echo(requester, guest, 10), isNoTimeout, 'cut within its grace');
  assert.ok(allowances.of(guest.key.peer).usedBytes <= 1_000_000);
  await assert.rejects(echo(requester, guest, 1), 'and refused');
  await echo(requester, paying.network, 20);

  const assetId = chain.network.token.id;
  const isEven = () =>
    ledger.balance('income:relaying', assetId) === paying.ledger.balance('expense:relaying', assetId);
  await until(isEven);
  const earned = ledger.balance('income:relaying', assetId);
  assert.ok(earned >= 5n * PRICE && earned <= 6n * PRICE, `${earned} for 4.6 MB`);
  assert.equal(paying.budget.spentDay(), earned);
  const { boughtBytes, usedBytes } = allowances.of(paying.network.key.peer);
  assert.equal(BigInt(boughtBytes / 1_000_000) * PRICE, earned);
  assert.ok(
    usedBytes > 4_600_000 && usedBytes < 4_900_000,
    `${usedBytes} with the headers of the connection`,
  );

  const { claims, settle } = await provider.settlement.settleNow();
  const claimed = claims.flatMap(({ channels }) => channels).reduce((sum, each) => sum + each.amount, 0n);
  assert.equal(claimed, earned);
  assert.equal(settle?.amount, earned);
  assert.equal((await readBalances(provider.node, provider.gate.payout, clock)).token, earned);
  ledger.verifyBalanced();
  paying.ledger.verifyBalanced();
});

test('is chosen after free ones by price, and another one is taken when it is left', async () => {
  const free = await openNode();
  const [dear, cheap, never] = [await openNode(), await openNode(), await openNode()];
  for (const node of [dear, cheap, never]) node.serve(createHttpServer(new Hono()));
  const network = await openUnreachable();
  const relays = [free, dear, cheap, never];
  network.market?.join(relays.flatMap((relay) => relay.addresses()));
  const isConnected = ({ key }: PublicNode) =>
    network.peers().some(({ peer, connected }) => peer === key.peer && connected);
  await until(() => relays.every(isConnected));
  const places = () => new Set(network.market?.ways().relays.map(({ peer }) => peer));
  await until(() => places().size > 0);
  assert.deepEqual(places(), new Set([free.peer]), 'nothing has chosen among those that may charge');
  const prices = new Map<string, bigint | null>([
    [dear.peer, 5n],
    [cheap.peer, 3n],
    [never.peer, null],
  ]);
  network.market?.relays?.choose({
    priceOf: async (peer) => prices.get(peer) ?? null,
    count: () => undefined,
    costOf: () => null,
  });
  await until(() => places().size === 2);
  assert.deepEqual(places(), new Set([free.peer, cheap.peer]));
  prices.set(cheap.peer, null);
  network.market?.relays?.leave(cheap.peer);
  await until(() => places().has(dear.peer));
  assert.deepEqual(places(), new Set([free.peer, dear.peer]));
});
