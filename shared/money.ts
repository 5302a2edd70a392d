/** Money: integers in base units of one asset, never floating point; formatted only for display. */
import { z } from 'zod';
import { AppError } from './errors.ts';

declare const amountBrand: unique symbol;

/** Base units of an asset (USDC: 1 = 0.000001 USDC). Negative in ledger lines only. */
export type Amount = bigint & { readonly [amountBrand]: true };

/** An asset, identified by its chain (CAIP-2) and its contract; `native` is the chain's native coin. */
export const assetSchema = z.object({
  /** Key in the ledger, e.g. `eip155:31337/0xabc…` or `eip155:31337/native`. */
  id: z.string().min(1).max(120),
  symbol: z.string().min(1).max(12),
  decimals: z.number().int().min(0).max(36),
  /** True for practice money, which is worth nothing and is displayed differently everywhere. */
  practice: z.boolean(),
});
export type Asset = z.infer<typeof assetSchema>;

/** Copies only the fields of {@link assetSchema}: descriptions of a chain's assets have more. */
export function plainAsset({ id, symbol, decimals, practice }: Asset): Asset {
  return { id, symbol, decimals, practice };
}

export const ZERO = 0n as Amount;
/** ID of the asset where nothing is paid: every amount of it is zero. */
export const NO_MONEY_ID = 'idlewatt:own-machines/none';

/** The network (CAIP-2) of an asset ID. */
export function networkOf(assetId: string): string {
  return assetId.slice(0, assetId.lastIndexOf('/'));
}

export function amount(value: bigint | number | string): Amount {
  return BigInt(value) as Amount;
}

/** Amounts cross process borders as decimal strings of base units. */
export const amountSchema = z
  .string()
  .regex(/^-?\d{1,78}$/, 'a decimal string of base units')
  .transform((text) => amount(text));

/** The same as {@link amountSchema}, left as text: for state that is displayed and never added up. */
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
 * The reverse, for user input: `parseUnits("1.2345", 6)` is `1234500n`. Fails with `bad-request` if the text is not a
 * plain decimal number or has more decimals than the asset; nothing is ever rounded.
 */
export function parseUnits(text: string, decimals: number): Amount {
  const match = /^(\d{1,40})(?:\.(\d+))?$/.exec(text.trim());
  if (match === null) throw new AppError('bad-request', 'The amount must be a plain number such as 12.5.');
  const [, whole = '0', fraction = ''] = match;
  if (fraction.length > decimals) {
    throw new AppError('bad-request', `The amount has too many decimals: at most ${decimals} are allowed.`);
  }
  return amount(whole + fraction.padEnd(decimals, '0'));
}
