/** The yearly summary as PDF, for the owner's tax return: totals by network, then a row for each day, network and rate. */
import { formatUnits } from '../../../shared/money.ts';
import type { CreatePdf, PdfColumn, PdfDocument } from '../../ports/pdf.ts';
import { ORIGIN_TITLES } from './origins.ts';
import type { ExportSources } from './sources.ts';
import { type ReceivedRow, summarise, type Total, type YearSummary } from './summary.ts';
import { roundedValue, valueUnits } from './values.ts';

const PLACES = 2;

const TOTAL_COLUMNS: readonly PdfColumn[] = [
  { title: 'Network', share: 3 },
  { title: 'Entries', share: 2, isNumber: true },
  { title: 'Received', share: 4, isNumber: true },
  { title: 'Value when received', share: 4, isNumber: true },
  { title: 'Amount without a known rate', share: 4, isNumber: true },
];

const ROW_COLUMNS: readonly PdfColumn[] = [
  { title: 'Day', share: 20 },
  { title: 'Time (UTC)', share: 22 },
  { title: 'Network', share: 22 },
  { title: 'Entries', share: 15, isNumber: true },
  { title: 'Received', share: 34, isNumber: true },
  { title: 'Rate', share: 28, isNumber: true },
  { title: 'Source of the rate', share: 32 },
  { title: 'Value', share: 24, isNumber: true },
];

const ABOUT =
  'This lists the answers that this machine sold and the data that it relayed, as recorded in the ledger when each was ' +
  'charged. Balances that customers of the storefront paid in advance are received when they are used. Each amount has ' +
  'the value that its rate gives for the time of its receipt; amounts are exact, values are rounded to two places when ' +
  'they are printed, and totals are sums of exact values. Practice money is worth nothing and is left out. Machines of ' +
  'one owner and allowed hotkeys pay nothing, so their jobs are not listed. This is no tax advice.';

/** The means to write it. */
export interface PdfParts {
  readonly create: CreatePdf;
  readonly nowMs: number;
}

/** Yields the file, which is plain ASCII. */
export function* exportSummary(sources: ExportSources, { create, nowMs }: PdfParts): Iterable<string> {
  const created = `${new Date(nowMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const pdf = create({
    title: 'Idlewatt: received, by year',
    footer: `Made by Idlewatt on ${created}`,
    createdAtMs: nowMs,
  });
  const years = summarise(sources);
  if (years.length === 0) {
    pdf.heading('Nothing received');
    pdf.paragraph('The ledger has no income in this time.');
    pdf.paragraph(ABOUT);
  }
  years.forEach((year, index) => {
    if (index > 0) pdf.newPage();
    writeYear(pdf, year);
  });
  yield pdf.finish();
}

function writeYear(pdf: PdfDocument, { year, rows, totals, kudos }: YearSummary): void {
  pdf.heading(`Received in ${year}`);
  pdf.paragraph(ABOUT);
  if (totals.length > 0) pdf.table(TOTAL_COLUMNS, totals.map(totalCells));
  for (const { asset, amount, entries } of kudos) {
    const sum = formatUnits(amount, asset.decimals);
    pdf.paragraph(
      `${ORIGIN_TITLES['ai-horde']}: ${sum} kudos for ${entries} answers (${asset.id}). Kudos are not money and have no value here.`,
    );
  }
  if (rows.length === 0) return;
  pdf.heading(`Day by day in ${year}`);
  pdf.table(ROW_COLUMNS, rows.map(rowCells));
}

function totalCells({ origin, asset, amount, entries, unvalued, values }: Total): string[] {
  const money = (value: bigint) => `${formatUnits(value, asset.decimals)} ${asset.symbol}`;
  const worth = [...values].map(([currency, units]) => `${roundedValue(units, PLACES)} ${currency}`);
  return [
    ORIGIN_TITLES[origin],
    String(entries),
    money(amount),
    worth.length === 0 ? 'unknown' : worth.join(' + '),
    unvalued === 0n ? 'none' : money(unvalued),
  ];
}

function rowCells({ day, origin, asset, rate, amount, entries, firstMs, lastMs }: ReceivedRow): string[] {
  const [first, last] = [timeOf(firstMs), timeOf(lastMs)];
  return [
    day,
    first === last ? first : `${first}-${last}`,
    ORIGIN_TITLES[origin],
    String(entries),
    `${formatUnits(amount, asset.decimals)} ${asset.symbol}`,
    rate === null ? 'unknown' : `${rate.value} ${rate.currency}`,
    rate?.source ?? '',
    rate === null
      ? 'unknown'
      : `${roundedValue(valueUnits(amount, asset.decimals, rate.value), PLACES)} ${rate.currency}`,
  ];
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 16);
}
