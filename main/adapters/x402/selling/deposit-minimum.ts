/**
 * The smallest accepted deposit. The provider pays the fee of the transaction that makes a deposit, so a deposit has to
 * lock up many times the current fee: opening channels by the thousand must cost the opener, too.
 */
import { type Amount, amount } from '../../../../shared/money.ts';
import type { CoinPrice } from '../../../ports/chain.ts';
import type { ChainReader } from '../../../ports/evm.ts';

/** A deposit must be worth this many times the fee of its transaction. */
const FEE_FACTOR = 10n;
/** Measured on the practice chain: see the costs in docs/money.md. */
const DEPOSIT_GAS = 120_000n;
/** The gas price is read again after this time. */
const GAS_PRICE_FRESH_MS = 60_000;

export interface DepositMinimumOptions {
  /** The minimum while the fee is lower, or unknown. */
  readonly base: Amount;
  readonly chain: Pick<ChainReader, 'gasPrice'>;
  /** Null where the coin's price is unknown or worthless: the base alone counts. */
  readonly coinPrice: () => CoinPrice | null;
  /** Milliseconds on a clock that never jumps. */
  readonly monotonic: () => number;
}

/**
 * Returns a function that returns the current minimum, in base units of the token. It never waits for the chain: the gas
 * price is read in the background, and the last one counts while the chain is unavailable, which makes no deposit anyway.
 */
export function createDepositMinimum(options: DepositMinimumOptions): () => Amount {
  const { base, chain, coinPrice, monotonic } = options;
  let gasPrice: bigint | null = null;
  let readAtMs = Number.NEGATIVE_INFINITY;

  function refresh(): void {
    if (monotonic() - readAtMs < GAS_PRICE_FRESH_MS) return;
    readAtMs = monotonic();
    chain.gasPrice().then(
      (price) => {
        gasPrice = price;
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
    if (gasPrice === null) return base;
    const least = (gasPrice * DEPOSIT_GAS * FEE_FACTOR * price.token) / price.coin;
    return least > base ? amount(least) : base;
  };
}
