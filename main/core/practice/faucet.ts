/** Fills a practice wallet from the faucet, and records in the ledger exactly what arrived on-chain. */
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Balances } from '../../ports/chain.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ledger } from '../ledger/index.ts';

export interface FillOptions {
  readonly address: string;
  /** Balance of the token to reach; more is left untouched. */
  readonly tokenMin: bigint;
  readonly readBalances: (address: string) => Promise<Balances>;
  /** Sends this much of the token, and coin for fees. */
  readonly fund: (address: string, token: Amount) => Promise<void>;
  readonly ledger: Pick<Ledger, 'faucet'>;
  readonly tokenId: string;
  readonly coinId: string;
  readonly clock: Clock;
}

/** Fails with `chain-unavailable`. */
export async function fillFromFaucet(options: FillOptions): Promise<void> {
  const { address, tokenMin, ledger, clock } = options;
  const before = await options.readBalances(address);
  if (before.token === null || before.coin === null) {
    throw new AppError('chain-unavailable', 'The practice chain didn’t respond. Restart Idlewatt.');
  }
  await options.fund(address, amount(before.token < tokenMin ? tokenMin - before.token : 0n));
  const after = await options.readBalances(address);
  const gained = [
    { assetId: options.tokenId, value: (after.token ?? before.token) - before.token },
    { assetId: options.coinId, value: (after.coin ?? before.coin) - before.coin },
  ];
  for (const { assetId, value } of gained) {
    const reference = `${address}:${clock.now()}:${assetId}`;
    if (value > 0n) ledger.faucet({ reference, assetId, amount: amount(value) });
  }
}
