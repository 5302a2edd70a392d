/** Money: integers in base units of one asset, never floating point; formatted only on the screen. */
import { z } from 'zod';
import { AppError } from './errors.ts';

declare const amountBrand: unique symbol;

/** Base units of an asset (USDC: 1 = 0.000001 USDC). May be negative in ledger lines only. */
export type Amount = bigint & { readonly [amountBrand]: true };

/** An asset, named by the chain it lives on (CAIP-2) and its contract; `native` is the chain's coin. */
export const assetSchema = z.object({
  /** Short key used in the ledger, e.g. `eip155:31337/0xabc…` or `eip155:31337/native`. */
  id: z.string().min(1).max(120),
  symbol: z.string().min(1).max(12),
  decimals: z.number().int().min(0).max(36),
  /** Practice money is worth nothing and is shown differently everywhere. */
  practice: z.boolean(),
});
export type Asset = z.infer<typeof assetSchema>;

/** Copies only the fields of {@link assetSchema}: descriptions of a chain's assets have more. */
export function plainAsset({ id, symbol, decimals, practice }: Asset): Asset {
  return { id, symbol, decimals, practice };
}

export const ZERO = 0n as Amount;

export function amount(value: bigint | number | string): Amount {
  return BigInt(value) as Amount;
}

/** Amounts cross process borders as decimal strings of base units. */
export const amountSchema = z
  .string()
  .regex(/^-?\d{1,78}$/, 'a decimal string of base units')
  .transform((text) => amount(text));

/** The same as {@link amountSchema}, kept as text: for state that is shown and never added up. */
export const amountTextSchema = z.string().regex(/^-?\d{1,78}$/);

/** Exact decimal notation, without rounding: `formatUnits(1234500n, 6)` is `"1.2345"`. */
export function formatUnits(value: bigint, decimals: number): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction ? `.${fraction}` : ''}`;
}

/**
 * The reverse for what people type: `parseUnits("1.2345", 6)` is `1234500n`. Fails with `bad-request` where it is
 * no plain decimal number or has more decimals than the asset; nothing is ever rounded.
 */
export function parseUnits(text: string, decimals: number): Amount {
  const match = /^(\d{1,40})(?:\.(\d+))?$/.exec(text.trim());
  if (match === null) throw new AppError('bad-request', 'The amount has to be a plain number such as 12.5.');
  const [, whole = '0', fraction = ''] = match;
  if (fraction.length > decimals) {
    throw new AppError('bad-request', `The amount has too many decimals: at most ${decimals} are possible.`);
  }
  return amount(whole + fraction.padEnd(decimals, '0'));
}
