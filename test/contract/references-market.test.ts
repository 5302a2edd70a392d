/**
 * Verifies: a buyer prefers a stranger that was paid on the chain by somebody who also pays a provider that this buyer knows.
 * Setup: the agent's own buying side in the open market, with payments, claims and lookups on a real local chain. The buyer
 * buys from one provider until it knows it. Then two strangers appear, and the one without payments is cheaper by less than
 * a good name is worth.
 * Fails if: the payments don't raise the stranger that has them, or another payer's payments raise one.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { JsonRpcProvider } from 'ethers';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { shownReferences } from '../../main/adapters/x402/index.ts';
import { createBindings, createOffers } from '../../main/core/identity/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Market, Network } from '../../main/ports/network.ts';
import { amount, plainAsset } from '../../shared/money.ts';
import { CHAT_PATH } from '../../shared/wire.ts';
import { createFakeProvider, OFFERED } from '../fakes/market.ts';
import { createFakeHub } from '../fakes/network.ts';
import { TEST_METHODS } from './chain-methods.ts';
import { type ComposedBuyer, composeBuyer } from './composed-buyer.ts';
import {
  buy,
  makeAccounts,
  openProvider,
  openRequester,
  type Requester,
  reach,
  serve,
} from './paid-service.ts';

const USDC = 1_000_000n;
/** Base units per million tokens. The known provider is too expensive to be chosen among others. */
const PRICES = { known: 40_000_000n, paid: 20_000_000n, cheaper: 19_800_000n };
/** Requests that make a provider known. */
const REQUESTS = 5;
const SEEN_MS_MAX = 20_000;

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-references-market-'));
const hub = createFakeHub();
const closers: (() => Promise<unknown>)[] = [];
let chain: PracticeChain;

before(async () => {
  chain = await startPracticeChain({ folder, moreMethods: TEST_METHODS });
  // The first blocks of a chain are expensive, and a buyer deposits little at strangers.
  const node = new JsonRpcProvider(chain.network.rpcUrl, undefined, { staticNetwork: true });
  await node.send('anvil_mine', ['0x40']);
  node.destroy();
});

after(async () => {
  for (const close of closers.reverse()) await close();
  await chain.stop();
  rmSync(folder, { recursive: true });
});

interface Seller {
  readonly network: Network;
  /** Number of sold jobs. */
  sold(): number;
}

/** Opens a provider whose payers' payments are claimed on the chain, and shows their channels as an agent does. */
async function sell(price: bigint, payers: readonly Requester[]): Promise<Seller> {
  const accounts = await makeAccounts();
  await chain.fund(accounts.gas.address, amount(0));
  const provider = await openProvider(chain, accounts);
  const service = await serve(provider);
  [service.charge, service.ceiling] = [amount(USDC), amount(USDC)];
  for (const payer of payers) await buy(payer, reach(service, accounts.funds.address), amount(USDC));
  await provider.settlement.settleNow();
  await service.close();
  const network = await hub.createNetwork();
  await network.start();
  const { key } = network;
  const model = { ...OFFERED, price: { inputPerMillion: String(price), outputPerMillion: String(price) } };
  const { id, token } = chain.network;
  const offers = createOffers({
    ...{ key, clock: systemClock },
    terms: () => ({
      ...{ payout: accounts.funds.address, networks: [id], asset: plainAsset(token) },
      ...{ models: [model], slots: 4 },
    }),
    bindings: createBindings({ key, clock: systemClock, payout: accounts.funds, network: id }),
  });
  const { jobs } = createFakeProvider(network, {
    ...{ offers, gate: provider.gate },
    references: () => shownReferences(provider.channels),
  });
  return { network, sold: () => jobs.all().length };
}

async function openPayer(): Promise<Requester> {
  const accounts = await makeAccounts();
  await chain.fund(accounts.funds.address);
  return openRequester(chain, accounts, { deposit: amount(2n * USDC), depositMax: amount(9n * USDC) });
}

/** A market in which nobody is found: the test connects the peers itself. */
const QUIET_MARKET = {
  relays: null,
  async *find() {},
  dial: async () => false,
  hints: { publish: async () => undefined, listen: () => undefined, onHint: () => () => undefined },
} as unknown as Market;

async function openBuyer(): Promise<{ buyer: ComposedBuyer; network: Network }> {
  const accounts = await makeAccounts();
  await chain.fund(accounts.funds.address);
  const network: Network = { ...(await hub.createNetwork()), market: QUIET_MARKET };
  await network.start();
  const home = mkdtempSync(join(folder, 'buyer-'));
  const buyer = await composeBuyer({
    ...{ chain, accounts, network, clock: systemClock, home, profile: 'open' },
  });
  closers.push(buyer.close);
  return { buyer, network };
}

async function ask({ gateway }: ComposedBuyer): Promise<void> {
  const response = await fetch(`${gateway.baseUrl}${CHAT_PATH.replace('/v1', '')}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ model: OFFERED.id, messages: [{ role: 'user', content: 'Hello there' }], max_tokens: 300 },
    }),
  });
  assert.equal(response.status, 200, await response.text());
}

/** Resolves when the gateway would choose this provider; fails after {@link SEEN_MS_MAX}. */
async function isChosen(buyer: ComposedBuyer, peer: string): Promise<void> {
  const endMs = performance.now() + SEEN_MS_MAX;
  while (buyer.offers()[0]?.peer !== peer) {
    assert.ok(performance.now() < endMs, `${buyer.offers()[0]?.peer} is chosen, not ${peer}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a stranger is chosen for what a payer of a known provider has paid it', {
  timeout: 90_000,
}, async () => {
  const [ann, bob] = [await openPayer(), await openPayer()];
  const known = await sell(PRICES.known, [ann]);
  const paid = await sell(PRICES.paid, [ann]);
  const cheaper = await sell(PRICES.cheaper, [bob]);
  const { buyer, network } = await openBuyer();
  const meet = (seller: Seller) => network.connect(seller.network.addresses()[0] ?? '');
  await meet(known);
  for (let bought = 0; bought < REQUESTS; bought += 1) await ask(buyer);
  await meet(cheaper);
  await isChosen(buyer, cheaper.network.key.peer);
  await meet(paid);
  await isChosen(buyer, paid.network.key.peer);
  await ask(buyer);
  assert.deepEqual([known.sold(), cheaper.sold(), paid.sold()], [REQUESTS, 0, 1]);
});
