/**
 * The smallest accepted deposit. The provider pays the fee of the transaction that makes a deposit, so a deposit has to
 * lock up many times the current fee: opening channels by the thousand must cost the opener, too.
 */
import { type Amount, amount } from '../../../../shared/money.ts';
import type { CoinPrice } from '../../../ports/chain.ts';
import type { ChainReader } from '../../../ports/evm.ts';

/** A deposit must be worth this many times the fee of its transaction. */
export const DEPOSIT_FEES = 10n;
/** Measured on the practice chain: see the costs in docs/money.md. */
const DEPOSIT_GAS = 120_000n;
/** Bytes of the transaction's data, rounded up; a rollup charges for them. An `upto` settlement with a permit has 612. */
const DEPOSIT_BYTES = 1_000;
/** The fee is read again after this time. */
const FEE_FRESH_MS = 60_000;

export interface DepositMinimumOptions {
  /** The minimum while the fee is lower, or unknown. */
  readonly base: Amount;
  readonly chain: Pick<ChainReader, 'gasPrice' | 'dataFee'>;
  /** Null where the coin's price is unknown or worthless: the base alone counts. */
  readonly coinPrice: () => CoinPrice | null;
  /** Milliseconds on a clock that never jumps. */
  readonly monotonic: () => number;
}

/**
 * Returns a function that returns the current minimum, in base units of the token. It never waits for the chain: the fee
 * is read in the background, and the last one counts while the chain is unavailable, which makes no deposit anyway.
 */
export function createDepositMinimum(options: DepositMinimumOptions): () => Amount {
  const { base, chain, coinPrice, monotonic } = options;
  /** Wei. */
  let fee: bigint | null = null;
  let readAtMs = Number.NEGATIVE_INFINITY;

  function refresh(): void {
    if (monotonic() - readAtMs < FEE_FRESH_MS) return;
    readAtMs = monotonic();
    Promise.all([chain.gasPrice(), chain.dataFee(DEPOSIT_BYTES)]).then(
      ([gasPrice, dataFee]) => {
        fee = gasPrice * DEPOSIT_GAS + dataFee;
      },
      () => {
        // The last known price counts until the next read.
      },
    );
  }

  if (coinPrice() !== null) refresh();
  return () => {
    const price = coinPrice();
    if (price === null) return base;
    refresh();
    if (fee === null) return base;
    const least = (fee * DEPOSIT_FEES * price.token) / price.coin;
    return least > base ? amount(least) : base;
  };
}
