/**
 * Numbers as people read them: exact amounts, bytes, durations and times in the reader's language. Pure,
 * so that tests can ask anything of it. Every function takes what is known; unknown is the caller's word.
 */
import { formatUnits } from '../shared/money.ts';

/** More fraction digits than this do not help anybody read; the exact number stands in the tooltip. */
const READABLE_FRACTION_DIGITS = 9;

export interface WrittenAmount {
  /** For reading: exact when it is readable, otherwise rounded and marked with ≈. */
  readonly text: string;
  /** Every digit. */
  readonly exact: string;
}

/** Writes base units as a decimal number with the language's own marks and no rounding that is not marked. */
export function writeAmount(baseUnits: string, decimals: number, language: string): WrittenAmount {
  const plain = formatUnits(BigInt(baseUnits), decimals) as `${number}`;
  const exact = new Intl.NumberFormat(language, { maximumFractionDigits: 36 }).format(plain);
  const fraction = plain.split('.')[1] ?? '';
  if (fraction.length <= READABLE_FRACTION_DIGITS) return { text: exact, exact };
  const rounded = new Intl.NumberFormat(language, { maximumSignificantDigits: 4 }).format(plain);
  return { text: `≈ ${rounded}`, exact };
}

/** Base units as a person would type them: exact, without grouping, with the language's decimal mark. */
export function writeAmountForTyping(baseUnits: string, decimals: number, language: string): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 36, useGrouping: false }).format(
    formatUnits(BigInt(baseUnits), decimals) as `${number}`,
  );
}

/** Decimal amount as typed by a person to base units; null when it is not a number or too precise. */
export function readAmount(text: string, decimals: number): string | null {
  const match = /^(\d{1,9})(?:[.,](\d+))?$/.exec(text.trim());
  if (!match) return null;
  const fraction = match[2] ?? '';
  if (fraction.length > decimals) return null;
  return BigInt(`${match[1]}${fraction.padEnd(decimals, '0')}`).toString();
}

export function writeNumber(value: number, language: string, fractionDigits = 0): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: fractionDigits }).format(value);
}

/** A measured value with three significant digits: 0.0312, 61.4, 1,240. */
export function writeMeasured(value: number, language: string): string {
  const digits = Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return new Intl.NumberFormat(language, digits).format(value);
}

/** Bytes of a gigabyte as it is shown and typed: decimal. */
export const GIGABYTE = 1_000_000_000;

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Bytes in decimal units, as disks are sold: `94.2 MB`. */
export function writeBytes(bytes: number, language: string): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value)} ${BYTE_UNITS[unit]}`;
}

const DURATION_STEPS = [
  { unit: 'day', ms: 86_400_000 },
  { unit: 'hour', ms: 3_600_000 },
  { unit: 'minute', ms: 60_000 },
  { unit: 'second', ms: 1_000 },
] as const;

/** A duration in its largest one or two whole units: `2 hr 5 min`, `340 ms`. */
export function writeDuration(durationMs: number, language: string): string {
  const write = (value: number, unit: string, digits = 0) =>
    new Intl.NumberFormat(language, {
      style: 'unit',
      unit,
      unitDisplay: 'short',
      maximumFractionDigits: digits,
    }).format(value);
  if (durationMs < 1_000) return write(Math.max(0, Math.round(durationMs)), 'millisecond');
  if (durationMs < 10_000) return write(durationMs / 1000, 'second', 1);
  let rest = Math.round(durationMs / 1000) * 1000;
  const parts: string[] = [];
  for (const step of DURATION_STEPS) {
    const count = Math.floor(rest / step.ms);
    if (parts.length === 0 && count === 0) continue;
    rest -= count * step.ms;
    if (count > 0) parts.push(write(count, step.unit));
    if (parts.length === 2 || rest === 0) break;
  }
  return parts.slice(0, 2).join(' ');
}

/** A moment: the time alone when it is today, with the date otherwise. */
export function writeMoment(atMs: number, nowMs: number, language: string): string {
  const at = new Date(atMs);
  const sameDay = at.toDateString() === new Date(nowMs).toDateString();
  return new Intl.DateTimeFormat(
    language,
    sameDay ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' },
  ).format(at);
}

/** The clock on the wall of a zone, with the weekday where it is another than at `nowMs`. */
export function writeClock(atMs: number, nowMs: number, language: string, timeZone: string): string {
  const day = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' });
  const time = new Intl.DateTimeFormat(language, { timeZone, timeStyle: 'short' }).format(atMs);
  if (day.format(atMs) === day.format(nowMs)) return time;
  const weekday = new Intl.DateTimeFormat(language, { timeZone, weekday: 'short' }).format(atMs);
  return `${weekday} ${time}`;
}

/** The exact time, for tooltips and time lines. */
export function writeExactTime(atMs: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(
    new Date(atMs),
  );
}

/** `YYYY-MM-DD` as a short local date. The day is a calendar day, not a moment. */
export function writeDay(day: string, language: string): string {
  const [year, month, date] = day.split('-').map(Number);
  return new Intl.DateTimeFormat(language, { month: 'short', day: 'numeric' }).format(
    new Date(year ?? 0, (month ?? 1) - 1, date ?? 1),
  );
}

/** Long identifiers, readable at both ends; short ones whole. */
export function shorten(text: string, head = 6, tail = 4): string {
  return text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`;
}

/** Seconds until a download ends, or null when nobody can know. */
export function secondsLeft(progress: {
  receivedBytes: number;
  totalBytes: number | null;
  bytesPerSecond: number | null;
}): number | null {
  if (progress.totalBytes === null || !progress.bytesPerSecond) return null;
  return Math.max(0, (progress.totalBytes - progress.receivedBytes) / progress.bytesPerSecond);
}
