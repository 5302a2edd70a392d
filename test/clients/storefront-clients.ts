/**
 * A storefront for real buyers, on the practice chain. A second server gives each buyer an account with money and reports
 * what ledger and chain have of it, so that the buyer can compare its own books.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Wallet } from 'ethers';
import type { PracticeChain } from '../../main/adapters/anvil/index.ts';
import { connectNode, createSender, readBalances } from '../../main/adapters/ethers/index.ts';
import { createFacilitator } from '../../main/adapters/x402/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { keyCustomerId, payerCustomerId } from '../../shared/customers.ts';
import { amount } from '../../shared/money.ts';
import { startFacilitator } from '../contract/loopback-facilitator.ts';
import { makeAccounts } from '../contract/paid-service.ts';
import {
  MODEL,
  openChain,
  openStorefrontMarket,
  type StorefrontMarket,
} from '../contract/storefront-market.ts';
import { ABILITIES, type ClientCase } from './clients.ts';

const MINTED = amount(1_000_000_000n);
const CREDITED = amount(1_000_000n);

const without = Object.fromEntries(ABILITIES.map((ability) => [ability, 'it buys from a storefront']));

/** Buyers that nobody here wrote. */
export const STOREFRONT_CLIENTS: readonly ClientCase[] = [
  {
    script: 'storefront.mjs',
    name: 'storefront: @x402/fetch, openai and MCP (Node)',
    language: 'node',
    packages: ['@x402/fetch', '@x402/evm', '@modelcontextprotocol/sdk', 'openai', 'viem'],
    without,
  },
  {
    script: 'storefront_x402.py',
    name: 'storefront: x402 (Python)',
    language: 'python',
    packages: ['x402[evm,httpx,extensions]==2.25.0'],
    without,
  },
  {
    script: 'storefront_x402_openai.py',
    name: 'storefront: x402-openai (Python)',
    language: 'python',
    python: '3.12',
    packages: ['x402-openai==1.0.0', 'x402[evm,httpx,extensions]==2.25.0'],
    without,
  },
  {
    script: 'storefront_conformance.py',
    name: 'storefront: x402-conformance (Python)',
    language: 'python',
    packages: ['x402-conformance==1.6.0'],
    without,
  },
];

export async function openStorefrontClients(): Promise<{
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-shop-clients-'));
  const chain = await openChain(folder);
  const facilitator = await openFacilitator(chain);
  const shop = await openStorefrontMarket(chain, { network: { facilitators: [facilitator.url] } });
  const { customer, secret } = shop.keys.add('client');
  shop.keys.credit(customer.id, CREDITED);
  const books = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://books');
    const answer =
      pathname === '/buyer' ? newBuyer(shop) : booksOf(shop, searchParams.get('address'), customer.id);
    answer.then(
      (content) => respond(response, 200, content),
      (error: unknown) => respond(response, 500, { error: String(error) }),
    );
  });
  await new Promise<void>((resolve) => books.listen(0, '127.0.0.1', resolve));
  const { id, rpcUrl, token } = chain.network;
  return {
    env: {
      IDLEWATT_CLIENT_BASE_URL: `${shop.url}/v1`,
      IDLEWATT_CLIENT_SHOP_URL: shop.url,
      IDLEWATT_CLIENT_FACILITATOR_URL: facilitator.url,
      IDLEWATT_CLIENT_BOOKS_URL: `http://127.0.0.1:${(books.address() as AddressInfo).port}`,
      IDLEWATT_CLIENT_CHAIN: JSON.stringify({ id, rpcUrl, token: token.address }),
      IDLEWATT_CLIENT_MODEL: MODEL,
      IDLEWATT_CLIENT_EMBEDDING_MODEL: MODEL,
      IDLEWATT_KEY: secret,
    },
    async close() {
      books.closeAllConnections();
      await new Promise((resolve) => books.close(resolve));
      await shop.close();
      await facilitator.close();
      await chain.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A facilitator with a key of its own. */
async function openFacilitator(chain: PracticeChain) {
  const { gas } = await makeAccounts();
  await chain.fund(gas.address, amount(0));
  const sender = createSender(connectNode(chain.network), gas);
  return startFacilitator(createFacilitator(chain.network, sender), '');
}

function respond(response: ServerResponse, status: number, content: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
}

async function newBuyer({ chain }: StorefrontMarket): Promise<object> {
  const { address, privateKey } = Wallet.createRandom();
  await chain.fund(address, MINTED);
  return { address, privateKey };
}

/** Returns what ledger and chain have, once everything in progress is recorded; of the API key without an address. */
async function booksOf(shop: StorefrontMarket, address: string | null, keyId: string): Promise<object> {
  while (shop.service.active().length > 0) await new Promise((resolve) => setImmediate(resolve));
  await shop.market.gateway.idle();
  const customerId = address === null ? keyCustomerId(keyId) : payerCustomerId(address);
  const token = shop.chain.network.token.id;
  const held = await readBalances(shop.node, address ?? shop.selling.funds.address, systemClock);
  const own = await readBalances(shop.node, shop.selling.funds.address, systemClock);
  const sold = shop.jobs
    .list({ side: 'sold', outcome: 'all', limit: 100 })
    .jobs.filter(({ channelId }) => channelId === customerId);
  return {
    charged: sold.reduce((sum, job) => sum + BigInt(job.charged ?? 0), 0n).toString(),
    balance: shop.ledger.customerBalance(customerId).toString(),
    paid: address === null ? CREDITED.toString() : (MINTED - (held.token ?? 0n)).toString(),
    isWalletRight: own.token === shop.ledger.balance('wallet', token),
  };
}
