/**
 * Verifies: an export matches the ledger to the last unit and never shows an unknown value.
 * Setup: the ledger on a database in memory; an independent reader (RFC 4180) parses the CSV, which is compared with
 * the lines of random ledgers; rates and their gaps by example.
 * Fails if: an amount is rounded, a comma in a name shifts columns, an unknown rate becomes 0.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import {
  EXPORTS,
  type ExportSources,
  exportBeancount,
  exportCsv,
  NO_RATES,
  rateTable,
} from '../../../main/core/exports/index.ts';
import { createLedger, type PostingRequest } from '../../../main/core/ledger/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { kudosAsset } from '../../../shared/horde.ts';
import { type Asset, amount, formatUnits, parseUnits } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

const REAL: Asset = { id: 'eip155:8453/0x01', symbol: 'USDC', decimals: 6, practice: false };
const PRACTICE: Asset = { id: 'eip155:31337/0x01', symbol: 'USDC', decimals: 6, practice: true };
const DAY = Date.UTC(2026, 10, 23);

function sourcesOf(requests: readonly PostingRequest[], changed: Partial<ExportSources> = {}): ExportSources {
  const database = openDatabase(':memory:');
  const calendar = createCalendar('UTC');
  const ledger = createLedger({ store: database.ledger, clock: manualClock(DAY), calendar });
  ledger.postAll(requests);
  return {
    pages: () => ledger.pages(),
    fromMs: 0,
    toMs: Number.MAX_SAFE_INTEGER,
    assetOf: (id) => [REAL, PRACTICE].find((asset) => asset.id === id) ?? null,
    rates: NO_RATES,
    dayOf: calendar.day,
    ...changed,
  };
}

function gift(
  key: string,
  value: bigint,
  asset: Asset,
  changed: Partial<PostingRequest> = {},
): PostingRequest {
  return {
    key,
    atMs: DAY,
    kind: 'opening',
    description: 'a test',
    lines: [
      { account: 'wallet', assetId: asset.id, amount: amount(value) },
      { account: 'equity:opening', assetId: asset.id, amount: amount(-value) },
    ],
    ...changed,
  };
}

/** An RFC 4180 reader that shares no code with the writer. */
function parse(text: string): Record<string, string>[] {
  const rows: string[][] = [];
  for (const [, end, quoted, bare] of text.matchAll(/(^|,|\r\n)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)) {
    if (end !== ',') rows.push([]);
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? bare ?? '');
  }
  const [head = [], ...body] = rows;
  return body
    .filter((cells) => cells.length > 1)
    .map((cells) => Object.fromEntries(head.map((name, index) => [name, cells[index] ?? ''])));
}

const csvOf = (sources: ExportSources) => parse([...exportCsv(sources)].join(''));

test('every ledger line is a row with its exact amount, for any texts', () => {
  // Built from numbers: fast-check takes seconds to prepare its own alphabet of all characters.
  const character = fc
    .integer({ min: 0, max: 0x10ffff - 0x800 })
    .map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800));
  const text = fc.string({ maxLength: 20, unit: character });
  const entry = fc.record({ value: fc.bigInt(1n, 2n ** 100n), description: text, model: text });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 15 }), (entries) => {
      const requests = entries.map(({ value, description, model }, index) =>
        gift(`k${index}`, value, REAL, { description, model }),
      );
      const rows = csvOf(sourcesOf(requests));
      assert.equal(rows.length, entries.length * 2);
      rows.forEach((row, index) => {
        const { value, description = '' } = entries[Math.floor(index / 2)] ?? {};
        assert.equal(row.amount, formatUnits(index % 2 === 0 ? (value ?? 0n) : -(value ?? 0n), 6));
        assert.ok(row.description === description || row.description === `'${description}`);
        assert.match(row.hash ?? '', /^[0-9a-f]{64}$/);
      });
    }),
    { numRuns: 50 },
  );
});

test('no cell starts a spreadsheet formula', () => {
  const [row] = csvOf(sourcesOf([gift('a', 5n, REAL, { description: '=1+1', model: '-cmd|x' })]));
  assert.equal(row?.description, "'=1+1");
  assert.equal(row?.model, "'-cmd|x");
});

test('no prefix that a spreadsheet skips hides a formula', () => {
  const skipped = fc.string({
    maxLength: 4,
    unit: fc.constantFrom(' ', '\n', '\r', '\t', '\v', '\f', '\0', '\u00a0', '\u200b', '\u3000', '\ufeff'),
  });
  const sign = fc.constantFrom('=', '+', '-', '@', '＝', '＋', '－', '＠', '−');
  fc.assert(
    fc.property(skipped, sign, (prefix, first) => {
      const description = `${prefix}${first}cmd|x`;
      const [row] = csvOf(sourcesOf([gift('a', 5n, REAL, { description })]));
      assert.equal(row?.description, `'${description}`);
    }),
    { numRuns: 300 },
  );
  for (const description of ['\n1', ' 1', '\u200b1']) {
    const [row] = csvOf(sourcesOf([gift('a', 5n, REAL, { description })]));
    assert.equal(row?.description, `'${description}`);
  }
});

test('a row has its rate and source, a note if no rate is known, and no value for practice money', () => {
  const rates = rateTable(
    JSON.stringify([
      { asset: 'USDC', currency: 'EUR', from: '2026-11-01', rate: '0.9', source: 'my bank' },
      { asset: 'USDC', currency: 'EUR', from: '2026-11-23', rate: '0.9125', source: 'ECB reference' },
    ]),
  );
  const at = (day: number) => ({ atMs: Date.UTC(2026, 10, day) });
  const sources = sourcesOf(
    [
      gift('old', 1_000_000n, REAL, { atMs: Date.UTC(2026, 9, 31) }),
      gift('first', 2_000_000n, REAL, at(22)),
      gift('second', 1_000_001n, REAL, at(23)),
      gift('practice', 5n, PRACTICE),
      gift('late', 1n, REAL, { atMs: Date.UTC(2027, 5, 1) }),
    ],
    { rates },
  );
  const seen = csvOf(sources)
    .filter(({ account }) => account === 'wallet')
    .map((row) => [row['fiat value'], row['fiat currency'], row.rate, row['rate source']]);
  assert.deepEqual(seen, [
    ['no rate known', '', '', ''],
    ['1.8', 'EUR', '0.9', 'my bank'],
    ['0.9125009125', 'EUR', '0.9125', 'ECB reference'],
    ['practice money has no value', '', '', ''],
    ['no rate known', '', '', ''],
  ]);
});

test('a period includes exactly its whole days', () => {
  const at = (key: string, atMs: number) => gift(key, 1n, REAL, { atMs });
  const requests = [
    at('before', DAY - 1),
    at('first', DAY),
    at('last', DAY + 86_399_999),
    at('after', DAY + 86_400_000),
  ];
  const rows = csvOf(sourcesOf(requests, { fromMs: DAY, toMs: DAY + 86_400_000 }));
  assert.deepEqual(
    rows.map(({ entry }) => entry),
    ['first', 'first', 'last', 'last'],
  );
});

for (const [what, table, message] of [
  ['text that is not JSON', '[', /must be JSON/],
  [
    'a rate that is a number',
    '[{"asset":"USDC","currency":"EUR","from":"2026-11-01","rate":0.9,"source":"x"}]',
    /0\.rate/,
  ],
  [
    'a rate without its source',
    '[{"asset":"USDC","currency":"EUR","from":"2026-11-01","rate":"1","source":" "}]',
    /0\.source/,
  ],
  [
    'a negative rate',
    '[{"asset":"USDC","currency":"EUR","from":"2026-11-01","rate":"-1","source":"x"}]',
    /0\.rate/,
  ],
  [
    'an invalid day',
    '[{"asset":"USDC","currency":"EUR","from":"2026-13-01","rate":"1","source":"x"}]',
    /0\.from/,
  ],
] as const) {
  test(`rejects a table with ${what}`, () => {
    assert.throws(
      () => rateTable(table),
      (error) => isAppError(error, 'bad-request') && message.test(error.message),
    );
  });
}

test('Beancount export: practice money is a separate commodity, balances are asserted to the unit', () => {
  const text = [...exportBeancount(sourcesOf([gift('a', 1_500_000n, REAL), gift('b', 1n, PRACTICE)]))].join(
    '',
  );
  assert.match(text, /open Assets:Wallet:Eip155-8453\n/);
  assert.match(text, /2026-11-24 balance Assets:Wallet:Eip155-8453 {2}1\.5 ~ 0 USDC\n/);
  assert.match(text, /balance Assets:Wallet:Eip155-31337 {2}0\.000001 ~ 0 PRACTICE\.USDC\n/);
  assert.equal(
    [...exportBeancount(sourcesOf([]))].join('').includes('open'),
    false,
    'an empty ledger opens no account',
  );
});

const job = (
  key: string,
  value: bigint,
  atMs: number,
  changed: Partial<PostingRequest> = {},
): PostingRequest => ({
  key,
  atMs,
  kind: 'job-charged',
  description: 'Served =model',
  lines: [
    { account: 'channels:owed', assetId: REAL.id, amount: amount(value) },
    { account: 'income:jobs', assetId: REAL.id, amount: amount(-value) },
  ],
  ...changed,
});
const bought = (key: string, value: bigint, atMs: number): PostingRequest =>
  job(key, value, atMs, {
    kind: 'job-bought',
    lines: [
      { account: 'expense:inference', assetId: REAL.id, amount: amount(value) },
      { account: 'channels:deposited', assetId: REAL.id, amount: amount(-value) },
    ],
  });
const NOON_MS = Date.UTC(2026, 10, 23, 12);

test('tax exports sum income and spending by day, keep the hash of transactions and skip moves within the holding', () => {
  const fee = gift('fee', 7n, REAL, {
    kind: 'network-fee',
    description: '=Network fee',
    txHash: '0xfee',
    lines: [
      { account: 'fees:network', assetId: REAL.id, amount: amount(7n) },
      { account: 'wallet', assetId: REAL.id, amount: amount(-7n) },
    ],
  });
  const deposit = gift('deposit', 5n, REAL, {
    kind: 'channel-deposit',
    lines: [
      { account: 'channels:deposited', assetId: REAL.id, amount: amount(50n) },
      { account: 'wallet', assetId: REAL.id, amount: amount(-50n) },
    ],
  });
  const requests = [
    gift('start', 1_000_000n, REAL),
    job('a', 300n, NOON_MS),
    job('b', 42n, NOON_MS + 1),
    job('c', 1n, NOON_MS + 86_400_000),
    deposit,
    bought('d', 10n, NOON_MS + 2),
    { ...fee, atMs: NOON_MS + 3 },
  ];
  const rates = rateTable(
    JSON.stringify([{ asset: 'USDC', currency: 'EUR', from: '2026-11-01', rate: '0.5', source: 'bank' }]),
  );
  const koinly = parse([...EXPORTS.koinly(sourcesOf(requests, { rates }))].join(''));
  assert.deepEqual(
    koinly.map((each) => [
      each.Date,
      each['Sent Amount'],
      each['Received Amount'],
      each['Net Worth Amount'],
      each.Label,
      each.TxHash,
    ]),
    [
      ['2026-11-23 00:00:00 UTC', '', '1', '0.5', '', ''],
      ['2026-11-23 12:00:00 UTC', '', '0.000342', '0.000171', 'income', ''],
      ['2026-11-23 12:00:00 UTC', '0.00001', '', '0.000005', 'cost', ''],
      ['2026-11-23 12:00:00 UTC', '0.000007', '', '0.0000035', 'cost', '0xfee'],
      ['2026-11-24 12:00:00 UTC', '', '0.000001', '0.0000005', 'income', ''],
    ],
  );
  assert.equal(koinly.find((each) => each.TxHash === '0xfee')?.Description, "'=Network fee");
  const tracker = parse([...EXPORTS.cointracker(sourcesOf(requests))].join(''));
  assert.deepEqual(
    tracker.map((each) => [each.Date, each['Received Quantity'], each['Sent Quantity'], each.Tag]),
    [
      ['11/23/2026 00:00:00', '1', '', ''],
      ['11/23/2026 12:00:00', '0.000342', '', 'payment'],
      ['11/23/2026 12:00:00', '', '0.00001', ''],
      ['11/23/2026 12:00:00', '', '0.000007', ''],
      ['11/24/2026 12:00:00', '0.000001', '', 'payment'],
    ],
  );
});

test('kudos are no money: without value in the CSV export, a commodity of their own, and left out of tax exports', () => {
  const kudos = kudosAsset('horde:aihorde.net');
  const sources = sourcesOf([
    gift('k', 1_234n, kudos, {
      kind: 'kudos',
      lines: [
        { account: 'standing', assetId: kudos.id, amount: amount(1_234n) },
        { account: 'income:jobs', assetId: kudos.id, amount: amount(-1_234n) },
      ],
    }),
  ]);
  const [row] = csvOf(sources);
  assert.deepEqual(
    [row?.amount, row?.symbol, row?.money, row?.['fiat value']],
    ['12.34', 'kudos', 'none', 'kudos are not money'],
  );
  assert.match([...exportBeancount(sources)].join(''), /Assets:Standing:Horde-aihorde-net {2}12\.34 KUDOS/);
  for (const format of ['koinly', 'cointracker'] as const)
    assert.deepEqual(parse([...EXPORTS[format](sources)].join('')), []);
});

test('tax exports leave practice money out', () => {
  const practice = job('p', 300n, NOON_MS, {
    lines: [
      { account: 'channels:owed', assetId: PRACTICE.id, amount: amount(300n) },
      { account: 'income:jobs', assetId: PRACTICE.id, amount: amount(-300n) },
    ],
  });
  for (const format of ['koinly', 'cointracker'] as const) {
    const rows = parse([...EXPORTS[format](sourcesOf([practice, gift('g', 5n, PRACTICE)]))].join(''));
    assert.deepEqual(rows, [], format);
  }
});

test('the rows of a tax export add up to the change of wallet and channels, for any ledger', () => {
  const entry = fc.record({
    kind: fc.constantFrom(job, bought, (key: string, value: bigint, atMs: number) =>
      gift(key, value, REAL, { atMs }),
    ),
    value: fc.bigInt(1n, 2n ** 60n),
    hour: fc.integer({ min: 0, max: 200 }),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
      const requests = [
        gift('much', 2n ** 70n, REAL),
        ...entries.map(({ kind, value, hour }, index) => kind(`k${index}`, value, DAY + hour * 3_600_000)),
      ];
      const holding = ['wallet', 'channels:owed', 'contract:claimed', 'channels:deposited'];
      const expected = requests
        .flatMap(({ lines }) => lines)
        .filter(({ account }) => holding.includes(account))
        .reduce((sum, line) => sum + line.amount, 0n);
      const rows = parse([...EXPORTS.koinly(sourcesOf(requests))].join(''));
      const units = (text = '') => (text === '' ? 0n : parseUnits(text, 6));
      const sum = rows.reduce(
        (total, each) => total + units(each['Received Amount']) - units(each['Sent Amount']),
        0n,
      );
      assert.equal(sum, expected);
    }),
    { numRuns: 60 },
  );
});
