/**
 * `ledger export`: writes the ledger as CSV, as Beancount accounts, for a tax program or as a yearly summary, with fiat
 * values at the time of each entry.
 */
import { closeSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { forceUnwrap } from '../../shared/assert.ts';
import { AppError } from '../../shared/errors.ts';
import { EXPORT_FORMATS } from '../../shared/exports.ts';
import { openForReading } from '../adapters/sqlite/index.ts';
import { knownAssets } from '../agent/known-assets.ts';
import { createCalendar } from '../core/calendar/index.ts';
import { EXPORTS, type ExportSources, rateTable } from '../core/exports/index.ts';
import { createLedger } from '../core/ledger/index.ts';
import { createDayRates } from '../core/rates/index.ts';
import { systemClock } from '../ports/clock.ts';
import type { CommandRun } from './index.ts';
import { createNew, writeWhole } from './new-file.ts';
import { existingHome } from './options.ts';

const STANDARD_OUTPUT = 1;

export const run: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      home: { type: 'string' },
      format: { type: 'string', default: 'csv' },
      from: { type: 'string' },
      to: { type: 'string' },
      rates: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const format = EXPORT_FORMATS.find((known) => known === values.format);
  if (format === undefined) {
    const known = EXPORT_FORMATS.join(', ');
    throw new AppError('bad-request', `Invalid --format "${values.format}". Use one of ${known}.`);
  }
  const calendar = createCalendar(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const from = values.from === undefined ? null : noon('from', values.from);
  const to = values.to === undefined ? null : noon('to', values.to);
  if (from !== null && to !== null && from > to) {
    throw new AppError('bad-request', `Invalid --to "${values.to}". It must not be before --from.`);
  }
  const fromMs = from === null ? 0 : calendar.startOfDay(from);
  const toMs = to === null ? Number.MAX_SAFE_INTEGER : calendar.startOfNextDay(to);
  const paths = existingHome(values.home);
  const assets = knownAssets();
  const database = openForReading(paths.database);
  try {
    const ledger = createLedger({ store: database.ledger, clock: systemClock, calendar });
    const sources: ExportSources = {
      pages: () => ledger.pages(),
      fromMs,
      toMs,
      assetOf: (id) => assets.get(id) ?? null,
      rates:
        readRates(values.rates, join(paths.root, 'rates.json')) ?? createDayRates(database.records).source,
      dayOf: calendar.day,
    };
    const create = format === 'pdf' ? (await import('../adapters/pdfkit/index.ts')).createPdf : null;
    const pdf = () => ({
      create: forceUnwrap('it was loaded for this format', create),
      nowMs: systemClock.now(),
    });
    writeOut(values.out, EXPORTS[format](sources, pdf));
    return 0;
  } finally {
    database.close();
  }
};

/** Returns noon of a local day, which is on that day in any zone. */
function noon(name: string, text: string): number {
  // In UTC, a day that doesn't exist, e.g. February 30, becomes another day and is detected.
  const inUtc = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T12:00:00Z`) : new Date(Number.NaN);
  if (Number.isNaN(inUtc.getTime()) || inUtc.toISOString().slice(0, 10) !== text) {
    throw new AppError('bad-request', `Invalid --${name} "${text}". Use an existing day as YYYY-MM-DD.`);
  }
  return Date.parse(`${text}T12:00:00`);
}

/** Null if the owner wrote no table: then the rates of the source that the owner chose are used. */
function readRates(given: string | undefined, usual: string) {
  const path = given ?? (existsSync(usual) ? usual : null);
  if (path === null) return null;
  if (!existsSync(path))
    throw new AppError('not-found', `Rates file ${path} not found. Set it with --rates FILE.`);
  return rateTable(readFileSync(path, 'utf8'));
}

/** Writes to a new file for the owner alone, since it shows what was earned, when and from which peers. */
function writeOut(path: string | undefined, text: Iterable<string>): void {
  const file = path === undefined ? STANDARD_OUTPUT : createNew(path);
  try {
    for (const piece of text) writeWhole(file, Buffer.from(piece));
  } finally {
    if (file !== STANDARD_OUTPUT) closeSync(file);
  }
}
