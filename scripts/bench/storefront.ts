/**
 * `npm run bench -- storefront`: measures what a storefront adds to the gateway behind it: time to the first token, time to
 * check a payment of each scheme, gas of each scheme, and memory of open streams.
 *
 * Time to the first token is the difference between an answer bought from the gateway and one bought from the storefront
 * with an API key, in turns, from the same gateway and provider, by the same client over plain HTTP.
 *
 * Gas is read from the receipts of all transactions that the storefront sent for equal jobs of one buyer per scheme. The
 * buyers are x402's own clients.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { amount } from '../../shared/money.ts';
import { median } from '../../shared/statistics.ts';
import {
  MODEL,
  openChain,
  openStorefrontMarket,
  type StorefrontMarket,
} from '../../test/contract/storefront-market.ts';
import { paying, type SaleScheme } from '../../test/contract/storefront-payers.ts';
import { atMost, type BenchResult, progress } from './result.ts';
import { measureStreams } from './storefront-memory.ts';
import { type CheckKind, createGasMeter, createGateWatch, type GateWatch } from './storefront-payments.ts';
import { type Ask, throughGateway } from './streams.ts';

const SCHEMES: readonly SaleScheme[] = ['exact', 'upto', 'batch-settlement'];
const FIRST_TOKEN_PAIRS = 101;
const JOBS = 80;
/** The first ones load code. */
const WARM_UP = 20;
const MINTED = 1_000_000_000n;

const FIRST_TOKEN_MS_GOAL = 10;
const CHECKED_MS_GOAL = 5;
const STREAM_KILOBYTES_GOAL = 100;

export async function run(): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-bench-storefront-'));
  const chain = await openChain(folder);
  const watch = createGateWatch();
  const shop = await openStorefrontMarket(chain, {
    around: watch.around,
    // Each request is of another visitor: their limits aren't measured here.
    proxies: ['127.0.0.1'],
  });
  try {
    progress(`First token: ${FIRST_TOKEN_PAIRS} answers each, from the gateway and from the storefront.`);
    const addedMs = await measureFirstToken(shop);
    progress(`Payments: ${JOBS} jobs of each scheme.`);
    const checked = await measurePayments(shop, watch);
    const streams = await measureStreams();
    return {
      figures: { firstTokenAddedMsMedian: addedMs, ...checked, ...streams },
      goals: {
        firstTokenAddedMsMedian: atMost(addedMs, FIRST_TOKEN_MS_GOAL),
        exactCheckedMsMedian: atMost(checked.exactCheckedMsMedian, CHECKED_MS_GOAL),
        uptoCheckedMsMedian: atMost(checked.uptoCheckedMsMedian, CHECKED_MS_GOAL),
        batchSettlementCheckedMsMedian: atMost(checked.batchSettlementCheckedMsMedian, CHECKED_MS_GOAL),
        memoryPerStreamKilobytes: atMost(streams.memoryPerStreamKilobytes, STREAM_KILOBYTES_GOAL),
      },
      notes: [
        'A payment is checked from the request to its admission. An exact payment is one that its payer’s balance covers; a collected one waits for a block of the practice chain as well. An upto payment asks the chain before its work, and pays after it.',
        `Gas of our own contracts on the practice chain, for ${JOBS} equal jobs of one buyer per scheme. An exact payment is the ceiling of its request, and what it leaves pays for the next ones. batch-settlement is one deposit, one claim and one payout.`,
        'The streams’ process holds the storefront, the gateway behind it, and a provider with a fake engine; resident memory after garbage collection. The empty server is Node.js without any of them: what each open stream costs at least, with TLS and without.',
      ],
    };
  } finally {
    await shop.close();
    await chain.stop();
    rmSync(folder, { recursive: true });
  }
}

async function measureFirstToken(shop: StorefrontMarket): Promise<number> {
  const { customer, secret } = shop.keys.add('bench');
  shop.keys.credit(customer.id, amount(MINTED));
  const direct = throughGateway(shop.market, MODEL);
  const sold = throughGateway({ baseUrl: `${shop.url}/v1`, key: secret }, MODEL);
  const added: number[] = [];
  const firstTokenMs = async (ask: Ask) =>
    (await ask({ text: 'Why is the sky blue?', maxTokens: 4 })).firstTokenMs;
  for (let pair = 0; pair < FIRST_TOKEN_PAIRS + WARM_UP; pair += 1) {
    const order = pair % 2 === 0 ? [direct, sold] : [sold, direct];
    const times = new Map<Ask, number>();
    for (const ask of order) {
      // Otherwise it waits for the end of the purchase before it, whichever that was.
      await shop.market.gateway.idle();
      times.set(ask, await firstTokenMs(ask));
    }
    if (pair >= WARM_UP) added.push((times.get(sold) ?? 0) - (times.get(direct) ?? 0));
  }
  return middle(added);
}

/** Runs equal jobs of one buyer per scheme, in turns, and pays everything out. */
async function measurePayments(shop: StorefrontMarket, watch: GateWatch) {
  const buyers = await Promise.all(
    SCHEMES.map(async (scheme) => paying(shop, await shop.buyer(MINTED), scheme)),
  );
  const gas = await createGasMeter(shop);
  for (let job = 0; job < JOBS; job += 1) {
    for (const [index, { ask }] of buyers.entries()) {
      const visitor = { 'x-forwarded-for': `10.${index}.${job}.1` };
      const response = await ask({ max_tokens: 4 }, visitor);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`The storefront refused a payment: ${text}`);
    }
    await gas.read();
  }
  await shop.settlement.settleNow();
  await gas.read();
  const perJob = (scheme: SaleScheme) => gas.used(scheme).total / JOBS;
  const perTransaction = (scheme: SaleScheme) => gas.used(scheme).total / gas.used(scheme).count;
  const checked = (kind: CheckKind) => middle(watch.times(kind));
  return {
    exactCheckedMsMedian: checked('exact'),
    uptoCheckedMsMedian: checked('upto'),
    batchSettlementCheckedMsMedian: checked('batch-settlement'),
    exactCollectedMsMedian: checked('exact, collected'),
    exactPerJobGas: perJob('exact'),
    uptoPerJobGas: perJob('upto'),
    batchSettlementPerJobGas: perJob('batch-settlement'),
    exactPerTransactionGas: perTransaction('exact'),
    uptoPerTransactionGas: perTransaction('upto'),
  };
}

function middle(values: readonly number[]): number {
  const value = median(values);
  if (value === null) throw new Error('There are no measurements.');
  return value;
}
