/**
 * Verifies: the yearly summary is a PDF that a reader nobody here wrote opens, with every row and the totals in it.
 * Setup: books of two years with a row for each of many days and with awkward names; the text is taken out again by pypdf of
 *   a pinned version, which pip installs into the cache.
 * Fails if: the file is damaged, a row is lost at the end of a page, a page lacks its number, or the file isn't plain ASCII.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { createPdf } from '../../main/adapters/pdfkit/index.ts';
import { EXPORTS, type ExportSources, rateTable } from '../../main/core/exports/index.ts';
import { formatUnits } from '../../shared/money.ts';
import { kudos, market, prepaid, sourcesOf, visitor } from '../unit/exports/books.ts';
import { pythonPackage } from './python-package.ts';

const PYPDF = 'pypdf==6.14.0';
const READ = `
import io, json, sys
from pypdf import PdfReader
reader = PdfReader(io.BytesIO(sys.stdin.buffer.read()), strict=True)
print(json.dumps({"title": reader.metadata.title, "pages": [page.extract_text() for page in reader.pages]}))
`;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 6, 1, 12);
const NOW_MS = Date.UTC(2027, 5, 1);

/** Another amount for each day, with all six decimals. */
const marketUnits = (index: number) => BigInt(1_000_001 + index * 10);

function pdfOf(sources: ExportSources): string {
  return [...EXPORTS.pdf(sources, () => ({ create: createPdf, nowMs: NOW_MS }))].join('');
}

/** Fails for anything that isn't a PDF in strict order. */
function read(file: string): { readonly title: string; readonly pages: readonly string[] } {
  const { status, stdout, stderr } = spawnSync('python3', ['-c', READ], {
    input: Buffer.from(file, 'utf8'),
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: pythonPackage(PYPDF) },
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

test('pypdf finds every day, the totals of each year and the numbers of the pages', () => {
  const days = Array.from({ length: 300 }, (_, index) => START_MS + index * DAY_MS);
  const rates = rateTable(
    JSON.stringify(
      ['2026-07-01', '2026-08-01', '2026-09-01', '2026-10-01', '2026-11-01', '2026-12-01'].map((from) => ({
        ...{ asset: 'USDC', currency: 'EUR', from, rate: '0.5' },
        source: 'Банк (Zürich) \\ 日本',
      })),
    ),
  );
  const sources = sourcesOf(
    [
      prepaid('p', 10n ** 9n, START_MS),
      ...days.map((atMs, index) => market(`m${index}`, marketUnits(index), atMs)),
      ...days.map((atMs, index) => visitor(`v${index}`, marketUnits(index) * 2n, atMs + 1)),
      kudos('k', 4_321n, START_MS),
    ],
    { rates },
  );
  const { title, pages } = read(pdfOf(sources));
  assert.equal(title, 'Idlewatt: received, by year');
  const text = pages.join('\n');
  assert.ok(pages.length > 5);
  for (const [index, page] of pages.entries()) {
    assert.match(page, new RegExp(`Page ${index + 1} of ${pages.length}`));
    assert.match(page, /Made by Idlewatt on 2027-06-01 00:00 UTC/);
  }
  assert.match(text, /Received in 2026/);
  assert.match(text, /Received in 2027/);
  const amounts = days.flatMap((_, index) => [marketUnits(index), marketUnits(index) * 2n]);
  assert.deepEqual(
    [...new Set(text.match(/(?<!\d)[12]\.\d{6} USDC/g))].sort(),
    amounts.map((units) => `${formatUnits(units, 6)} USDC`).sort(),
  );
  assert.match(text, /43\.21 kudos/);
  assert.match(text, /Z.rich/);
});

test('a summary of nothing is one page', () => {
  const { pages } = read(pdfOf(sourcesOf([])));
  assert.equal(pages.length, 1);
  assert.match(pages[0] ?? '', /no income/);
});

test('the file is plain ASCII, so that pages and terminals pass it on unchanged', () => {
  const file = pdfOf(sourcesOf([market('ä', 1n, START_MS)]));
  assert.match(file, /^%PDF-1\.\d\n/);
  assert.match(file, /^[\n\r\x20-\x7e]*$/);
});
