/**
 * Verifies: the yearly summary lists everything that was received, by the network that it came from, with the value that
 *   its rate gives, and nothing else; and the other exports name the same origins.
 * Setup: random books; a document that records what is written, compared with sums that the test computes itself.
 * Fails if: an entry is missing or counted twice, a sale of the storefront counts for the market, kudos become money, a
 *   total isn't the sum of exact values, or an unknown rate becomes a value.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EXPORTS, type ExportSources, rateTable } from '../../../main/core/exports/index.ts';
import { summarise } from '../../../main/core/exports/summary.ts';
import { roundedValue, valueUnits } from '../../../main/core/exports/values.ts';
import type { PdfDocument } from '../../../main/ports/pdf.ts';
import { customer, kudos, market, PRACTICE, prepaid, recovered, sourcesOf, visitor } from './books.ts';

const NEW_YEAR_MS = Date.UTC(2027, 0, 1);
const HOUR_MS = 3_600_000;
const RATES = rateTable(
  JSON.stringify([
    { asset: 'USDC', currency: 'EUR', from: '2026-12-20', rate: '0.9', source: 'the bank' },
    { asset: 'USDC', currency: 'EUR', from: '2027-01-02', rate: '0.85', source: 'the bank' },
  ]),
);

/** Everything that was written, table by table. */
function written(sources: ExportSources): { readonly texts: string[]; readonly tables: string[][][] } {
  const texts: string[] = [];
  const tables: string[][][] = [];
  const pdf: PdfDocument = {
    heading: (text) => void texts.push(text),
    paragraph: (text) => void texts.push(text),
    table: (_columns, rows) => void tables.push(rows.map((cells) => [...cells])),
    newPage: () => undefined,
    finish: () => 'file',
  };
  assert.deepEqual([...EXPORTS.pdf(sources, () => ({ create: () => pdf, nowMs: NEW_YEAR_MS }))], ['file']);
  return { texts, tables };
}

const BOOKS = [
  prepaid('p', 1_000_000n, NEW_YEAR_MS - 40 * HOUR_MS),
  market('a', 1_500_000n, NEW_YEAR_MS - 3 * HOUR_MS),
  market('b', 500_000n, NEW_YEAR_MS - HOUR_MS),
  visitor('c', 250_000n, NEW_YEAR_MS - 2 * HOUR_MS),
  customer('d', 50_000n, NEW_YEAR_MS - 2 * HOUR_MS),
  recovered('r', 7n, NEW_YEAR_MS - HOUR_MS, '0xv'),
  kudos('k', 1_234n, NEW_YEAR_MS - HOUR_MS),
  market('x', 9_000_000n, NEW_YEAR_MS - HOUR_MS, PRACTICE),
  market('e', 2_000_000n, NEW_YEAR_MS + 30 * HOUR_MS),
];

test('lists a year by network with totals, and each day with its rate, source, time and value', () => {
  const { texts, tables } = written(sourcesOf(BOOKS, { rates: RATES }));
  assert.deepEqual(
    texts.filter((text) => /2026|2027/.test(text)),
    ['Received in 2026', 'Day by day in 2026', 'Received in 2027', 'Day by day in 2027'],
  );
  assert.deepEqual(tables, [
    [
      ['own market', '2', '2 USDC', '1.80 EUR', 'none'],
      ['storefront', '3', '0.300007 USDC', '0.27 EUR', 'none'],
    ],
    [
      ['2026-12-31', '21:00-23:00', 'own market', '2', '2 USDC', '0.9 EUR', 'the bank', '1.80 EUR'],
      ['2026-12-31', '22:00-23:00', 'storefront', '3', '0.300007 USDC', '0.9 EUR', 'the bank', '0.27 EUR'],
    ],
    [['own market', '1', '2 USDC', '1.70 EUR', 'none']],
    [['2027-01-02', '06:00', 'own market', '1', '2 USDC', '0.85 EUR', 'the bank', '1.70 EUR']],
  ]);
  const about = texts.find((text) => text.includes('kudos for'));
  assert.match(about ?? '', /^AI Horde: 12\.34 kudos for 1 answers .* no value/);
});

test('shows what has no known rate as unknown, never as zero', () => {
  const { tables } = written(sourcesOf([market('a', 1_000_000n, NEW_YEAR_MS)]));
  assert.deepEqual(tables[0], [['own market', '1', '1 USDC', 'unknown', '1 USDC']]);
  assert.deepEqual(tables[1]?.[0]?.slice(5), ['unknown', '', 'unknown']);
});

test('is an empty chapter where nothing was received', () => {
  const { texts, tables } = written(sourcesOf([prepaid('p', 5n, NEW_YEAR_MS)]));
  assert.equal(texts[0], 'Nothing received');
  assert.deepEqual(tables, []);
});

test('the rows of any books add up to their income, and totals to the rows', () => {
  const entry = fc.record({
    kind: fc.constantFrom(market, visitor, customer),
    units: fc.bigInt(1n, 10n ** 12n),
    hour: fc.integer({ min: -400, max: 400 }),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }), (entries) => {
      const requests = entries.map(({ kind, units, hour }, index) =>
        kind(`k${index}`, units, NEW_YEAR_MS + hour * HOUR_MS),
      );
      const start = prepaid('much', 10n ** 15n, NEW_YEAR_MS - 500 * HOUR_MS);
      const years = summarise(sourcesOf([start, ...requests], { rates: RATES }));
      const rows = years.flatMap((year) => year.rows);
      const sum = entries.reduce((total, { units }) => total + units, 0n);
      assert.equal(
        rows.reduce((total, row) => total + row.amount, 0n),
        sum,
      );
      assert.equal(
        rows.reduce((total, row) => total + row.entries, 0),
        entries.length,
      );
      for (const { totals, rows: ofYear } of years) {
        const values = totals.reduce((total, each) => total + (each.values.get('EUR') ?? 0n), 0n);
        const expected = ofYear.reduce(
          (total, { amount, rate }) => total + (rate === null ? 0n : valueUnits(amount, 6, rate.value)),
          0n,
        );
        assert.equal(values, expected);
      }
    }),
    { numRuns: 60 },
  );
});

test('rounds for print only: half away from zero, and never to -0.00', () => {
  const value = (text: string) => roundedValue(valueUnits(BigInt(text), 3, '1'), 2);
  assert.deepEqual(['5', '4', '-5', '-4', '1005', '-1995', '0', '123456789'].map(value), [
    '0.01',
    '0.00',
    '-0.01',
    '0.00',
    '1.01',
    '-2.00',
    '0.00',
    '123456.79',
  ]);
});

test('every export names the origin: as a column, as metadata, and in the descriptions of tax programs', () => {
  const sources = sourcesOf(BOOKS);
  const csv = [...EXPORTS.csv(sources)].join('').trim().split('\r\n');
  const cells = csv.map((line) => line.split(','));
  const income = cells.filter((line) => line[5] === 'income:jobs');
  assert.equal(cells[0]?.at(-1), 'origin');
  assert.deepEqual(
    income.map((line) => line.at(-1)),
    ['market', 'market', 'storefront', 'storefront', 'storefront', 'ai-horde', 'market', 'market'],
  );
  const beancount = [...EXPORTS.beancount(sources)].join('');
  assert.deepEqual(
    [...beancount.matchAll(/^ {2}origin: "(.+)"$/gm)].map(([, origin]) => origin),
    ['market', 'market', 'storefront', 'storefront', 'storefront', 'ai-horde', 'market', 'market'],
  );
  const koinly = [...EXPORTS.koinly(sources)].join('');
  assert.deepEqual(
    [...koinly.matchAll(/^(\S+) .*?,,,([\d.]+),USDC.*,(Answers[^,]*),/gm)].map(([, ...rest]) => rest),
    [
      ['2026-12-31', '2', 'Answers sold: own market'],
      ['2026-12-31', '0.300007', 'Answers sold: storefront'],
      ['2027-01-02', '2', 'Answers sold: own market'],
    ],
  );
  const tracker = [...EXPORTS.cointracker(sources)].join('');
  assert.equal(tracker.split('payment').length - 1, 3);
  assert.doesNotMatch(koinly + tracker, /kudos/i);
});

test('the files for tax programs begin with the columns that those document', () => {
  const sources = sourcesOf([]);
  assert.equal(
    [...EXPORTS.koinly(sources)].join('').trim(),
    'Date,Sent Amount,Sent Currency,Received Amount,Received Currency,Fee Amount,Fee Currency,Net Worth Amount,Net Worth Currency,Label,Description,TxHash',
  );
  assert.equal(
    [...EXPORTS.cointracker(sources)].join('').trim(),
    'Date,Received Quantity,Received Currency,Sent Quantity,Sent Currency,Fee Amount,Fee Currency,Tag',
  );
});
