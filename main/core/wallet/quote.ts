/** Plans a transfer: address, amount and fee, checked against the balance and the fee limit. */
import type { SpendWarning } from '../../../shared/api/wallet.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount, formatUnits } from '../../../shared/money.ts';
import { GAS_MARGIN_PERCENT, type Hex } from '../../ports/evm.ts';
import type { Call, NetworkFees, SpendChain } from '../../ports/spend-chain.ts';
import type { ReadAddress } from '../../ports/wallet.ts';
import type { SpendRequest } from './services.ts';
import { feeMax, type PayoutOfCustomer, type SentTransaction, type Transactions } from './transactions.ts';

/** Gas of a plain coin transfer to an address that isn't a contract: the same on every chain. */
const PLAIN_GAS = 21_000n;
/** Nodes accept another transaction with the same nonce only if its fees are higher by this factor. */
const REPLACEMENT_PER_MILLE = 1_125n;

/** Everything in a transaction except its nonce. */
export interface SpendPlan {
  readonly asset: 'token' | 'coin';
  readonly to: Hex;
  readonly amount: Amount;
  readonly call: Call;
  readonly gasLimit: bigint;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
  readonly dataFee: Amount;
  readonly warnings: readonly SpendWarning[];
  readonly smallTest: boolean;
  readonly own: boolean;
  readonly cancels: boolean;
  /** The customer's payout that it is for. */
  readonly payout: PayoutOfCustomer | null;
  /** The transaction that it replaces. */
  readonly replaces: SentTransaction | null;
}

export interface QuoteOptions {
  readonly chain: SpendChain;
  readonly transactions: Transactions;
  readonly readAddress: ReadAddress;
  readonly from: Hex;
  /** This wallet's own addresses. */
  readonly own: readonly string[];
  /** Maximum cost of one transaction, in base units of the coin. */
  readonly feeLimit: Amount;
}

/** Plans a transfer. Fails like `wallet.prepareSend` of the API. */
export async function quoteSend(options: QuoteOptions, request: SpendRequest): Promise<SpendPlan> {
  const { chain, transactions, from } = options;
  const { asset } = request;
  const to = options.readAddress(request.to);
  if (same(to, chain.network.token.address)) {
    throw new AppError(
      'bad-request',
      'This address is the token’s own contract. Anything sent there is lost. Use another address.',
    );
  }
  if (request.amount !== 'all' && BigInt(request.amount) <= 0n) {
    throw new AppError('bad-request', `Invalid amount "${request.amount}". It must be greater than zero.`);
  }
  const [held, isContract, fees] = await Promise.all([
    availableAt(options),
    chain.isContract(to),
    chain.fees(),
  ]);
  const sample = chain.transfer(asset, to, amount(1n));
  const dataFee = await chain.dataFee(sample);
  const price = pricePerGas(fees);
  const plain = asset === 'coin' && !isContract;
  // With a zero balance the node would reject the estimate, with a less helpful message than the one below.
  const estimate = plain || held[asset] === 0n ? PLAIN_GAS : await chain.estimateGas(from, sample);
  const gasLimit = plain ? PLAIN_GAS : (estimate * GAS_MARGIN_PERCENT) / 100n;
  const terms = { gasLimit, ...price, dataFee };
  const fee = feeMax(terms);

  const most = asset === 'coin' ? held.coin - fee : held.token;
  const wanted = request.amount === 'all' ? most : BigInt(request.amount);
  const sum = request.smallTest ? smaller(testAmount(chain.network[asset].decimals), wanted) : wanted;
  if (sum > most || sum <= 0n)
    throw tooLittle(options, asset, held, fee, request.amount === 'all' ? null : sum);
  if (asset === 'token' && held.coin < fee) throw noCoinForFee(options, held.coin, fee);
  assertFeeWithin(options, fee);

  const own = options.own.some((address) => same(address, to));
  const known = transactions.list().some((entry) => entry.state === 'mined' && same(entry.to, to));
  const warnings: SpendWarning[] = [];
  if (isContract) warnings.push('contract');
  if (own) warnings.push('own-address');
  if (!known && !own) warnings.push('first-time');
  return {
    asset,
    to,
    amount: amount(sum),
    call: chain.transfer(asset, to, amount(sum)),
    ...terms,
    warnings,
    smallTest: request.smallTest,
    own,
    cancels: false,
    payout: null,
    replaces: null,
  };
}

/** Plans the same transaction, or an empty one, with the same nonce and a fee for which nodes accept a replacement. */
export async function quoteReplacement(
  options: QuoteOptions,
  entry: SentTransaction,
  action: 'speed-up' | 'cancel',
): Promise<SpendPlan> {
  const { chain, transactions, from } = options;
  const price = pricePerGas(await chain.fees());
  const rivals = transactions
    .list()
    .filter((other) => other.from === entry.from && other.nonce === entry.nonce);
  const above = (current: bigint, pick: (rival: SentTransaction) => bigint): bigint =>
    rivals.reduce((most, rival) => {
      const bumped = (pick(rival) * REPLACEMENT_PER_MILLE + 999n) / 1_000n;
      return bumped > most ? bumped : most;
    }, current);
  const cancels = action === 'cancel';
  const terms = {
    gasLimit: cancels ? PLAIN_GAS : entry.gasLimit,
    maxFeePerGas: above(price.maxFeePerGas, (rival) => rival.maxFeePerGas),
    maxPriorityFeePerGas: above(price.maxPriorityFeePerGas, (rival) => rival.maxPriorityFeePerGas),
    dataFee: entry.dataFee,
  };
  assertFeeWithin(options, feeMax(terms));
  const call: Call = { to: from, data: '0x', value: 0n };
  return {
    asset: cancels ? 'coin' : entry.asset,
    to: cancels ? from : entry.to,
    amount: cancels ? amount(0n) : entry.amount,
    call: cancels ? call : entry.call,
    ...terms,
    warnings: [],
    smallTest: false,
    own: cancels || entry.own,
    cancels,
    payout: cancels ? null : entry.payout,
    replaces: entry,
  };
}

/** Fails with `fee-too-high` and the figures if the network fee is now higher than the confirmed one. */
export async function assertStillCovered({ chain }: QuoteOptions, plan: SpendPlan): Promise<void> {
  const { baseFee, tip } = await chain.fees();
  if (baseFee + tip <= plan.maxFeePerGas) return;
  const { coin } = chain.network;
  const now = formatUnits(plan.gasLimit * (baseFee + tip) + plan.dataFee, coin.decimals);
  const agreed = formatUnits(feeMax(plan), coin.decimals);
  throw new AppError(
    'fee-too-high',
    `The network fee rose to ${now} ${coin.symbol}, above the confirmed ${agreed}. Nothing was sent. Try again.`,
    { details: { now, agreed } },
  );
}

/** Returns the balance minus what pending transactions will take. */
async function availableAt({ chain, transactions, from }: QuoteOptions) {
  const held = await chain.held(from);
  const pending = new Map<number, { token: bigint; coin: bigint }>();
  for (const entry of transactions.list()) {
    if (entry.state !== 'pending' || entry.from !== from) continue;
    const before = pending.get(entry.nonce) ?? { token: 0n, coin: 0n };
    // Only one transaction per nonce will be mined, so the most expensive one is subtracted.
    pending.set(entry.nonce, {
      token: larger(before.token, entry.asset === 'token' ? entry.amount : 0n),
      coin: larger(before.coin, entry.call.value + feeMax(entry)),
    });
  }
  let { token, coin }: { token: bigint; coin: bigint } = held;
  for (const taken of pending.values()) {
    token -= taken.token;
    coin -= taken.coin;
  }
  return { token: larger(token, 0n), coin: larger(coin, 0n) };
}

/** Twice the base fee stays sufficient for six full blocks; the unused part isn't charged. */
function pricePerGas({ baseFee, tip }: NetworkFees) {
  return { maxFeePerGas: baseFee * 2n + tip, maxPriorityFeePerGas: tip };
}

function assertFeeWithin({ chain, feeLimit }: QuoteOptions, fee: bigint): void {
  if (fee <= feeLimit) return;
  const { coin } = chain.network;
  const asked = formatUnits(fee, coin.decimals);
  const limit = formatUnits(feeLimit, coin.decimals);
  throw new AppError(
    'fee-too-high',
    `The network fee may be up to ${asked} ${coin.symbol} and the limit is ${limit}. Nothing was sent.`,
    { details: { asked, limit } },
  );
}

function tooLittle(
  { chain }: QuoteOptions,
  asset: 'token' | 'coin',
  held: { token: bigint; coin: bigint },
  fee: bigint,
  wanted: bigint | null,
): AppError {
  const { decimals, symbol } = chain.network[asset];
  const has = `${formatUnits(held[asset], decimals)} ${symbol}`;
  const needs =
    wanted === null
      ? `The wallet has ${has}.`
      : `The wallet has ${has}, and ${formatUnits(wanted, decimals)} ${symbol} was requested.`;
  const forFee = asset === 'coin' ? ` The network fee takes up to ${formatUnits(fee, decimals)} of it.` : '';
  return new AppError('insufficient-funds', `Not enough ${symbol}. ${needs}${forFee} Nothing was sent.`);
}

function noCoinForFee({ chain, from }: QuoteOptions, coin: bigint, fee: bigint): AppError {
  const { decimals, symbol } = chain.network.coin;
  return new AppError(
    'insufficient-funds',
    `The network fee is paid in ${symbol}. ${from} has ${formatUnits(coin, decimals)} and needs up to ` +
      `${formatUnits(fee, decimals)}. Nothing was sent. Send ${symbol} to this address first.`,
  );
}

/** Returns the amount of a small test: one cent of a dollar token, a hundred-thousandth of a coin. */
function testAmount(decimals: number): bigint {
  return 10n ** BigInt(Math.max(0, decimals - (decimals > 6 ? 5 : 2)));
}

function same(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

function smaller(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

function larger(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
