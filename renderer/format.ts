/**
 * Formats amounts, bytes, durations and times in the user's language. Pure functions of known values; the
 * caller shows "unknown" where there is no value.
 */

import { type Asset, formatUnits } from '../shared/money.ts';
import { isDollar, type Rate } from '../shared/rate.ts';
import { numberFormat, timeFormat } from './formatters.ts';

/** Most fraction digits that are still readable. A longer number is rounded, and its tooltip is exact. */
const READABLE_FRACTION_DIGITS = 9;

export interface WrittenAmount {
  /** Exact if readable, otherwise rounded and marked with ≈. */
  readonly text: string;
  /** With every digit. */
  readonly exact: string;
}

/** Writes base units as a decimal number in the language's notation. Rounding is always marked. */
export function writeAmount(baseUnits: string, decimals: number, language: string): WrittenAmount {
  const plain = formatUnits(BigInt(baseUnits), decimals) as `${number}`;
  const exact = numberFormat(language, { maximumFractionDigits: 36 }).format(plain);
  const fraction = plain.split('.')[1] ?? '';
  if (fraction.length <= READABLE_FRACTION_DIGITS) return { text: exact, exact };
  const rounded = numberFormat(language, { maximumSignificantDigits: 4 }).format(plain);
  return { text: `≈ ${rounded}`, exact };
}

/** Hundredths of currencies whose small amounts are written in them. */
const CENTS: Readonly<Record<string, string>> = { EUR: 'ct', USD: '¢' };
const PRACTICE_CENT = 'ct';
/** Keeps a number and its unit on one line. */
const NO_BREAK = '\u00a0';

/**
 * Writes an amount as one reads it: in the owner's currency if `rate` applies, otherwise in the asset. From one unit
 * on with two decimals; small ones in hundredths or with three significant digits. The exact amount is shown elsewhere.
 */
export function writeMoney(baseUnits: string, asset: Asset, rate: Rate | null, language: string): string {
  const value = Number(formatUnits(BigInt(baseUnits), asset.decimals));
  if (asset.symbol !== 'USDC') {
    return `${writeAmount(baseUnits, asset.decimals, language).text} ${asset.symbol}`;
  }
  if (rate !== null && isDollar(asset)) return writeFiat(value * rate.perDollar, rate.currency, language);
  if (Math.abs(value) >= 1) return `${writeFixed(value, language)} ${asset.symbol}`;
  if (asset.practice) return `${writeCents(value, language)}${NO_BREAK}${PRACTICE_CENT}`;
  return `${value === 0 ? writeFixed(0, language) : writeSignificant(value, 3, language)} ${asset.symbol}`;
}

function writeFiat(value: number, currency: string, language: string): string {
  const cent = CENTS[currency];
  const isSmall = value !== 0 && Math.abs(value) < 0.01;
  if (isSmall && cent !== undefined) return `${writeCents(value, language)}${NO_BREAK}${cent}`;
  return numberFormat(language, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    ...(isSmall ? { maximumSignificantDigits: 2 } : {}),
  }).format(value);
}

/** Hundredths with two decimals, tiny ones with two significant digits. */
function writeCents(value: number, language: string): string {
  const cents = value * 100;
  return cents === 0 || Math.abs(cents) >= 0.1
    ? writeFixed(cents, language)
    : writeSignificant(cents, 2, language);
}

function writeFixed(value: number, language: string): string {
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return numberFormat(language, digits).format(value);
}

function writeSignificant(value: number, digits: number, language: string): string {
  return numberFormat(language, {
    maximumSignificantDigits: digits,
    maximumFractionDigits: 20,
  }).format(value);
}

/** Writes base units as one would type them: exact, without grouping, with the language's decimal separator. */
export function writeAmountForTyping(baseUnits: string, decimals: number, language: string): string {
  return numberFormat(language, { maximumFractionDigits: 36, useGrouping: false }).format(
    formatUnits(BigInt(baseUnits), decimals) as `${number}`,
  );
}

/** Parses a typed decimal amount into base units; null if it isn't a number or has too many decimal places. */
export function readAmount(text: string, decimals: number): string | null {
  const match = /^(\d{1,9})(?:[.,](\d+))?$/.exec(text.trim());
  if (!match) return null;
  const fraction = match[2] ?? '';
  if (fraction.length > decimals) return null;
  return BigInt(`${match[1]}${fraction.padEnd(decimals, '0')}`).toString();
}

/** Writes a number rounded to `fractionDigits`. */
export function writeNumber(value: number, language: string, fractionDigits = 0): string {
  return numberFormat(language, { maximumFractionDigits: fractionDigits }).format(value);
}

/** Writes 5 as `5%` in English and `5 %` in German. */
export function writePercent(percent: number, language: string, fractionDigits = 0): string {
  return numberFormat(language, { style: 'percent', maximumFractionDigits: fractionDigits }).format(
    percent / 100,
  );
}

/** Writes a spread with up to one decimal: `±2.1%`. */
export function writeSpread(percent: number, language: string): string {
  return `±${writePercent(percent, language, 1)}`;
}

/** Writes a measured value with three significant digits, from 100 on without fraction: 0.0312, 61.4, 1,240. */
export function writeMeasured(value: number, language: string): string {
  const digits = Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return numberFormat(language, digits).format(value);
}

/** Bytes per gigabyte as shown and typed (decimal). */
export const GIGABYTE = 1_000_000_000;

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Writes bytes in decimal units, as disks are labeled: `94.2 MB`. */
export function writeBytes(bytes: number, language: string): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${numberFormat(language, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value)} ${BYTE_UNITS[unit]}`;
}

/** Symbols, which are the same in all languages; a day has a word. */
const DURATION_STEPS = [
  { symbol: null, ms: 86_400_000 },
  { symbol: 'h', ms: 3_600_000 },
  { symbol: 'min', ms: 60_000 },
  { symbol: 's', ms: 1_000 },
] as const;

/** Writes a duration in its one or two largest whole units, below 10 s with one decimal: `2 h 5 min`, `340 ms`. */
export function writeDuration(durationMs: number, language: string): string {
  const write = (value: number, symbol: string | null, digits = 0) =>
    symbol === null
      ? numberFormat(language, { style: 'unit', unit: 'day', unitDisplay: 'long' }).format(value)
      : `${numberFormat(language, { maximumFractionDigits: digits }).format(value)} ${symbol}`;
  if (durationMs < 1_000) return write(Math.max(0, Math.round(durationMs)), 'ms');
  if (durationMs < 10_000) return write(durationMs / 1000, 's', 1);
  let rest = Math.round(durationMs / 1000) * 1000;
  const parts: string[] = [];
  for (const step of DURATION_STEPS) {
    const count = Math.floor(rest / step.ms);
    if (parts.length === 0 && count === 0) continue;
    rest -= count * step.ms;
    if (count > 0) parts.push(write(count, step.symbol));
    if (parts.length === 2 || rest === 0) break;
  }
  return parts.slice(0, 2).join(' ');
}

/** Writes a moment: only the time if it is today, otherwise with the date, and with the year unless it is this one. */
export function writeMoment(atMs: number, nowMs: number, language: string): string {
  const [at, now] = [new Date(atMs), new Date(nowMs)];
  const time = timeFormat(language, { timeStyle: 'short' }).format(at);
  if (at.toDateString() === now.toDateString()) return time;
  if (at.getFullYear() !== now.getFullYear()) {
    return timeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(at);
  }
  return `${timeFormat(language, { day: 'numeric', month: 'short' }).format(at)}, ${time}`;
}

/** Writes the local time in a time zone, with the weekday if the day differs from that of `nowMs`. */
export function writeClock(atMs: number, nowMs: number, language: string, timeZone: string): string {
  const day = timeFormat('en-CA', { timeZone, dateStyle: 'short' });
  const time = timeFormat(language, { timeZone, timeStyle: 'short' }).format(atMs);
  if (day.format(atMs) === day.format(nowMs)) return time;
  const weekday = timeFormat(language, { timeZone, weekday: 'short' }).format(atMs);
  return `${weekday} ${time}`;
}

/** Writes date and time to the second, for tooltips and timelines. */
export function writeExactTime(atMs: number, language: string): string {
  return timeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(atMs));
}

/** Writes `YYYY-MM-DD` as a short date. It is a calendar day, not a moment, so no time zone applies. */
export function writeDay(day: string, language: string): string {
  const [year, month, date] = day.split('-').map(Number);
  return timeFormat(language, { month: 'short', day: 'numeric' }).format(
    new Date(year ?? 0, (month ?? 1) - 1, date ?? 1),
  );
}

/** Writes a coming day of less than a week as its weekday, and the current one as “today” in the language’s own word. */
export function writeComingDay(day: string, today: string, language: string): string {
  if (day === today) return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(0, 'day');
  const [year, month, date] = day.split('-').map(Number);
  return timeFormat(language, { weekday: 'short' }).format(new Date(year ?? 0, (month ?? 1) - 1, date ?? 1));
}

/** Writes the name of a month given as `YYYY-MM-DD`, in full and without the year. */
export function writeMonthName(day: string, language: string): string {
  const [year, month] = day.split('-').map(Number);
  return timeFormat(language, { month: 'long' }).format(new Date(year ?? 0, (month ?? 1) - 1, 1));
}

/** Writes a month given as `YYYY-MM`. */
export function writeMonth(month: string, language: string): string {
  const [year, number] = month.split('-').map(Number);
  return timeFormat(language, { month: 'short', year: '2-digit' }).format(
    new Date(year ?? 0, (number ?? 1) - 1, 1),
  );
}

/** Writes millionths of a US dollar: in the owner's currency if a rate is known, otherwise in dollars. */
export function writeMicroUsd(microUsd: number, rate: Rate | null, language: string): string {
  const dollars = microUsd / 1_000_000;
  return rate === null
    ? writeFiat(dollars, 'USD', language)
    : writeFiat(dollars * rate.perDollar, rate.currency, language);
}

/** Shortens a long identifier to its head and tail; returns a short one unchanged. */
export function shorten(text: string, head = 6, tail = 4): string {
  return text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`;
}

/** Seconds until a download ends; null if its size or speed is unknown. */
export function secondsLeft(progress: {
  receivedBytes: number;
  totalBytes: number | null;
  bytesPerSecond: number | null;
}): number | null {
  if (progress.totalBytes === null || !progress.bytesPerSecond) return null;
  return Math.max(0, (progress.totalBytes - progress.receivedBytes) / progress.bytesPerSecond);
}
