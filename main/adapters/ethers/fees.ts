/**
 * Chooses what a transaction pays. Endpoints only report fees, so a wrong or lying one must not set the price: of three
 * endpoints two have to agree on the base fee, otherwise the lower of two reports counts, a single endpoint is checked
 * against the chain's recent blocks, and no transaction may cost more than a fixed limit.
 */
import { toQuantity } from 'ethers';
import { z } from 'zod';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { type Amount, amount, formatUnits, ZERO } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import type { Hex, UnsignedTransaction } from '../../ports/evm.ts';
import type { NetworkFees } from '../../ports/spend-chain.ts';
import type { ChainNode } from './node.ts';
import { blockSchema, quantitySchema } from './rpc-shapes.ts';

/** Number of blocks whose fees are compared with the reported ones. */
const HISTORY_BLOCKS = 20;
/** EIP-1559 raises the base fee by at most 1/8 per block: by less than this factor from the middle of the history. */
const BASE_FEE_RISE_MAX = 4n;
/** A tip of this many times the usual one of the recent blocks is enough for any block. */
const TIP_FACTOR_MAX = 3n;
/** Smallest tip, in wei per unit of gas: nodes may drop a transaction that offers less. */
const TIP_FLOOR = 1_000_000n;
/** Nodes accept another transaction with the same nonce only if both of its prices are higher by this factor. */
const REPLACEMENT_PER_MILLE = 1_125n;

/** Rollups of the OP stack (Base and Base Sepolia): they charge for data on Ethereum in addition to gas. */
const DATA_FEE_CHAINS: ReadonlySet<number> = new Set([8_453, 84_532]);
/** The rollup's own contract that returns the data fee. */
const DATA_FEE_ORACLE = '0x420000000000000000000000000000000000000F';
const DATA_FEE_ABI = ['function getL1FeeUpperBound(uint256 unsignedTxSize) view returns (uint256)'];
/** Size of a transaction without its data in bytes, rounded up generously. */
const ENVELOPE_BYTES = 180;
/** The data fee may rise until the transaction is mined. */
const DATA_FEE_MARGIN = 2n;

const historySchema = z.object({
  baseFeePerGas: z.array(quantitySchema).nullish(),
  /** One row per block with one value per requested percentile. */
  reward: z.array(z.array(quantitySchema)).nullish(),
});
export type FeeHistory = z.infer<typeof historySchema>;

/** The two prices of an EIP-1559 transaction, in wei per unit of gas. */
export type GasPrice = Pick<UnsignedTransaction, 'maxFeePerGas' | 'maxPriorityFeePerGas'>;

/** Parts of a transaction's cost, in base units of the coin (gas: units). */
export interface FeeTerms {
  readonly gasLimit: bigint;
  readonly dataFee: bigint;
  /** Most that the transaction may cost. */
  readonly feeMax: bigint;
}

/**
 * Base fee and suggested tip as the endpoints report them: enough for a fee that is only shown, or that the owner
 * confirms. Fails with `chain-unavailable` when fewer endpoints answer than have to agree.
 */
export async function reportedFees(node: ChainNode): Promise<NetworkFees> {
  const [baseFee, tips] = await Promise.all([
    currentBaseFee(node),
    node.reports('eth_maxPriorityFeePerGas', [], quantitySchema),
  ]);
  return { baseFee, tip: highest([lowest(tips), TIP_FLOOR]) };
}

/**
 * Base fee and tip for a transaction that nobody confirms. Also fails with `chain-mismatch` when a single endpoint
 * reports a base fee that its own recent blocks rule out.
 */
export async function currentFees(node: ChainNode): Promise<NetworkFees> {
  const fees = await reportedFees(node);
  if (node.network.fallbackRpcUrls.length > 0) return fees;
  const history = await feeHistory(node);
  const plausible = withinHistory(fees, history);
  if (plausible !== null) return plausible;
  throw new AppError('chain-mismatch', 'The chain’s node reports a network fee that its blocks contradict.', {
    details: { network: node.network.id, baseFee: fees.baseFee.toString() },
  });
}

/** With three endpoints a single one can't make the price too low either, with which nothing would be mined. */
async function currentBaseFee(node: ChainNode): Promise<bigint> {
  if (node.network.fallbackRpcUrls.length > 1) {
    const parameters = (block: string) => [block, false];
    const block = await node
      .agreed('eth_getBlockByNumber', parameters, blockSchema)
      .catch((error: unknown) => {
        if (isAppError(error, 'chain-mismatch')) return null;
        throw error;
      });
    if (block !== null) return block.baseFeePerGas ?? 0n;
  }
  const blocks = await node.reports('eth_getBlockByNumber', ['latest', false], blockSchema);
  return lowest(blocks.map((block) => block.baseFeePerGas ?? 0n));
}

/** Current price of a unit of gas, in wei: the lower of two reports. */
export async function currentGasPrice(node: ChainNode): Promise<bigint> {
  const { baseFee, tip } = await reportedFees(node);
  return baseFee + tip;
}

/** An endpoint without this method is checked only against the limit. */
async function feeHistory(node: ChainNode): Promise<FeeHistory> {
  const parameters = [toQuantity(HISTORY_BLOCKS), 'latest', [50]];
  const found = await node.reports('eth_feeHistory', parameters, historySchema).catch((error: unknown) => {
    if (error instanceof AppError) throw error;
    return [];
  });
  return found[0] ?? { baseFeePerGas: [], reward: [] };
}

/** Lowers an excessive tip; null when the base fee can't follow from the recent blocks. */
export function withinHistory({ baseFee, tip }: NetworkFees, history: FeeHistory): NetworkFees | null {
  // Nodes report 0 for blocks whose fees they don't know.
  const baseFees = (history.baseFeePerGas ?? []).filter((fee) => fee > 0n);
  if (baseFees.length > 0 && baseFee > median(baseFees) * BASE_FEE_RISE_MAX) return null;
  const usual = median((history.reward ?? []).flatMap(([reward]) => reward ?? []));
  const most = highest([usual * TIP_FACTOR_MAX, baseFee, TIP_FLOOR]);
  return { baseFee, tip: tip < most ? tip : most };
}

/**
 * Returns the prices of a new transaction: twice the base fee if the limit allows it, which stays sufficient for six
 * full blocks, and less otherwise. Null when the limit doesn't cover the current price.
 */
export function priceWithin({ baseFee, tip }: NetworkFees, terms: FeeTerms): GasPrice | null {
  const most = affordable(terms);
  if (most < baseFee + tip) return null;
  const wanted = baseFee * 2n + tip;
  return { maxFeePerGas: wanted < most ? wanted : most, maxPriorityFeePerGas: tip };
}

/** Returns prices for which nodes replace the previous transaction. Null when the limit leaves no room for them. */
export function replacementPrice(
  previous: GasPrice,
  { baseFee, tip }: NetworkFees,
  terms: FeeTerms,
): GasPrice | null {
  const most = affordable(terms);
  const least = raised(previous.maxFeePerGas);
  if (most < least) return null;
  const wanted = highest([least, baseFee * 2n + tip]);
  const maxFeePerGas = wanted < most ? wanted : most;
  const priority = highest([raised(previous.maxPriorityFeePerGas), tip]);
  return { maxFeePerGas, maxPriorityFeePerGas: priority < maxFeePerGas ? priority : maxFeePerGas };
}

/** Maximum fee that a rollup charges for a transaction's data in addition to gas; zero on other chains. */
export async function dataFeeOf(node: ChainNode, dataBytes: number): Promise<Amount> {
  if (!DATA_FEE_CHAINS.has(node.network.chainId)) return ZERO;
  const fee = await node.readContract({
    address: DATA_FEE_ORACLE,
    abi: DATA_FEE_ABI,
    functionName: 'getL1FeeUpperBound',
    args: [ENVELOPE_BYTES + dataBytes],
  });
  return amount(z.bigint().parse(fee) * DATA_FEE_MARGIN);
}

/** Number of bytes that a transaction's data has. */
export function bytesOf(data: Hex): number {
  return (data.length - 2) / 2;
}

/** Returns the error for a transaction whose fee would exceed the limit. */
export function feeTooHigh({ coin }: ChainNetwork, fees: NetworkFees, terms: FeeTerms): AppError {
  const fee = terms.gasLimit * (fees.baseFee + fees.tip) + terms.dataFee;
  const asked = formatUnits(fee, coin.decimals);
  const limit = formatUnits(terms.feeMax, coin.decimals);
  return new AppError(
    'fee-too-high',
    `The network fee is ${asked} ${coin.symbol} and the limit is ${limit} ${coin.symbol}. Nothing was sent.`,
    { details: { asked, limit } },
  );
}

/** Highest price of a unit of gas that keeps the whole fee within the limit. */
function affordable({ gasLimit, dataFee, feeMax }: FeeTerms): bigint {
  if (feeMax <= dataFee || gasLimit <= 0n) return -1n;
  return (feeMax - dataFee) / gasLimit;
}

function raised(price: bigint): bigint {
  return (price * REPLACEMENT_PER_MILLE + 999n) / 1_000n;
}

function lowest(values: readonly bigint[]): bigint {
  return values.reduce((least, value) => (value < least ? value : least));
}

function highest(values: readonly bigint[]): bigint {
  return values.reduce((most, value) => (value > most ? value : most));
}

function median(values: readonly bigint[]): bigint {
  const sorted = [...values].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
  return sorted[Math.floor(sorted.length / 2)] ?? 0n;
}
