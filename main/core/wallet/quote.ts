/** What a spend would be: its address, its amount and its fee, checked against what is held and what may be paid. */
import type { SpendWarning } from '../../../shared/api/wallet.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount, formatUnits } from '../../../shared/money.ts';
import { GAS_MARGIN_PERCENT, type Hex } from '../../ports/evm.ts';
import type { Call, NetworkFees, SpendChain } from '../../ports/spend-chain.ts';
import type { ReadAddress } from '../../ports/wallet.ts';
import type { SpendRequest } from './services.ts';
import { feeMax, type SentTransaction, type Transactions } from './transactions.ts';

/** A plain transfer of coin to somebody who is no contract: exactly this, on every chain. */
const PLAIN_GAS = 21_000n;
/** Nodes take another transaction with the same nonce only for this much more. */
const REPLACEMENT_PER_MILLE = 1_125n;

/** Everything of a transaction but its nonce. */
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
  /** The transaction whose place it takes. */
  readonly replaces: SentTransaction | null;
}

export interface QuoteOptions {
  readonly chain: SpendChain;
  readonly transactions: Transactions;
  readonly readAddress: ReadAddress;
  readonly from: Hex;
  /** This wallet's own addresses. */
  readonly own: readonly string[];
  /** The most that one transaction may cost, in base units of the coin. */
  readonly feeLimit: Amount;
}

/** Plans a transfer. Failures are those of `wallet.prepareSend`. */
export async function quoteSend(options: QuoteOptions, request: SpendRequest): Promise<SpendPlan> {
  const { chain, transactions, from } = options;
  const { asset } = request;
  const to = options.readAddress(request.to);
  if (same(to, chain.network.token.address)) {
    throw new AppError('bad-request', 'This is the token’s own contract; what is sent there is lost.');
  }
  if (request.amount !== 'all' && BigInt(request.amount) <= 0n) {
    throw new AppError('bad-request', 'The amount has to be more than zero.');
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
  // A balance of nothing would be refused by the estimate, with less to say than below.
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
    replaces: null,
  };
}

/** The same again, or nothing at all, with the same nonce and a fee that nodes accept in its place. */
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
    replaces: entry,
  };
}

/** Fails with `fee-too-high` and the figure where the network now asks more than what was confirmed. */
export async function assertStillCovered({ chain }: QuoteOptions, plan: SpendPlan): Promise<void> {
  const { baseFee, tip } = await chain.fees();
  if (baseFee + tip <= plan.maxFeePerGas) return;
  const { coin } = chain.network;
  const now = formatUnits(plan.gasLimit * (baseFee + tip) + plan.dataFee, coin.decimals);
  const agreed = formatUnits(feeMax(plan), coin.decimals);
  throw new AppError(
    'fee-too-high',
    `The network’s fee rose to ${now} ${coin.symbol} and ${agreed} was confirmed; nothing was sent. Try again.`,
    { details: { now, agreed } },
  );
}

/** What is held beside what pending transactions will take. */
async function availableAt({ chain, transactions, from }: QuoteOptions) {
  const held = await chain.held(from);
  const pending = new Map<number, { token: bigint; coin: bigint }>();
  for (const entry of transactions.list()) {
    if (entry.state !== 'pending' || entry.from !== from) continue;
    const before = pending.get(entry.nonce) ?? { token: 0n, coin: 0n };
    // Of several with the same nonce one will be mined: the dearest is counted.
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

/** Twice the base fee holds for six full blocks; what is not needed is not taken. */
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
    `The network may take up to ${asked} ${coin.symbol} for this, and the limit is ${limit}; nothing was sent.`,
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
  const needs = wanted === null ? '' : ` ${formatUnits(wanted, decimals)} ${symbol} was asked for.`;
  const forFee = asset === 'coin' ? ` The fee takes up to ${formatUnits(fee, decimals)} of it.` : '';
  return new AppError(
    'insufficient-funds',
    `The wallet can send no more than it has: ${has}.${needs}${forFee}`,
  );
}

function noCoinForFee({ chain, from }: QuoteOptions, coin: bigint, fee: bigint): AppError {
  const { decimals, symbol } = chain.network.coin;
  return new AppError(
    'insufficient-funds',
    `The network’s fee is paid in ${symbol}: ${from} holds ${formatUnits(coin, decimals)} and needs up to ` +
      `${formatUnits(fee, decimals)}.`,
  );
}

/** One cent of a dollar's token; of a coin a hundred-thousandth. */
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
