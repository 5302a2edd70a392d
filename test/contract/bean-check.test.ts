/**
 * Verifies: Beancount accepts the exported accounts, and its sums match the ledger.
 * Setup: random ledgers with awkward texts, rates and every account; the real `bean-check` of a pinned version, which
 * pip installs into the cache; then the same file with one unit changed.
 * Fails if: Beancount can't read a name or text, an amount loses a digit, an account is missing.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { exportBeancount, rateTable } from '../../main/core/exports/index.ts';
import { ACCOUNT_NAMES, ACCOUNTS, createLedger } from '../../main/core/ledger/index.ts';
import type { Account } from '../../main/ports/ledger.ts';
import { type Asset, amount } from '../../shared/money.ts';
import { manualClock } from '../fakes/clock.ts';
import { pythonPackage } from './python-package.ts';

const NOW = Date.UTC(2026, 10, 23);
const DAY_MS = 86_400_000;
const ASSETS: readonly Asset[] = [
  { id: 'eip155:8453/0x01', symbol: 'USDC', decimals: 6, practice: false },
  { id: 'eip155:8453/native', symbol: 'ETH', decimals: 18, practice: false },
  { id: 'eip155:31337/0x01', symbol: 'USDC', decimals: 6, practice: true },
];
const SOURCES = [...ASSETS.map(({ id }) => id), 'horde/kudos'];

let folder = '';
let installed = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-bean-'));
  installed = pythonPackage('beancount==3.2.3');
});
after(() => rmSync(folder, { recursive: true }));

function beanCheck(text: string) {
  const file = join(folder, 'books.beancount');
  writeFileSync(file, text);
  return spawnSync('python3', [join(installed, 'bin', 'bean-check'), file], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: installed },
  });
}

/** Returns the amount with the sign that lets the account grow, if it can't be negative. */
function grown(name: Account, size: bigint): bigint {
  const { grows, mayBeNegative } = ACCOUNTS[name];
  return grows === 'credit' && mayBeNegative === null ? -size : size;
}

function randomBooks(seed: number): string {
  const elastic = ACCOUNT_NAMES.filter((name) => ACCOUNTS[name].mayBeNegative !== null);
  const entry = fc.record({
    from: fc.constantFrom(...elastic),
    to: fc.constantFrom(...ACCOUNT_NAMES),
    assetId: fc.constantFrom(...SOURCES),
    value: fc.bigInt(1n, 10n ** 24n),
    ageMs: fc.nat(40 * DAY_MS),
    text: fc.string({ maxLength: 30, unit: 'grapheme' }),
  });
  const [entries = []] = fc.sample(fc.array(entry, { minLength: 150, maxLength: 150 }), { seed, numRuns: 1 });
  const database = openDatabase(':memory:');
  const calendar = createCalendar('Europe/Berlin');
  const ledger = createLedger({ store: database.ledger, clock: manualClock(NOW), calendar });
  ledger.postAll(
    entries
      .filter(({ from, to }) => from !== to)
      .map(({ from, to, assetId, value, ageMs, text }, index) => ({
        key: `entry-${index}`,
        atMs: NOW - ageMs,
        kind: 'opening' as const,
        description: `${text} "quoted" \\ end`,
        model: text,
        lines: [
          { account: to, assetId, amount: amount(grown(to, value)), channelId: '0xch' },
          { account: from, assetId, amount: amount(-grown(to, value)), channelId: '0xch' },
        ],
      })),
  );
  const rates = rateTable(
    JSON.stringify([
      { asset: 'ETH', currency: 'EUR', from: '2026-11-01', rate: '2500.5', source: 'my "bank"' },
    ]),
  );
  const text = [
    ...exportBeancount({
      pages: () => ledger.pages(),
      fromMs: 0,
      toMs: Number.MAX_SAFE_INTEGER,
      assetOf: (id) => ASSETS.find((asset) => asset.id === id) ?? null,
      rates,
      dayOf: calendar.day,
    }),
  ].join('');
  database.close();
  return text;
}

test('bean-check accepts random ledgers with every account, awkward texts, rates and an unknown asset', () => {
  for (const seed of [1, 2, 3]) {
    const { status, stdout, stderr } = beanCheck(randomBooks(seed));
    assert.equal(status, 0, `seed ${seed}: ${stdout}${stderr}`.slice(0, 2_000));
  }
});

test('bean-check rejects the same export with one unit more', () => {
  const text = randomBooks(1);
  const changed = text.replace(/ balance (\S+) {2}(-?\d+)\.(\d+) /, (_, account, whole, fraction) => {
    return ` balance ${account}  ${whole}.${fraction}1 `;
  });
  assert.notEqual(changed, text);
  const { status, stderr } = beanCheck(changed);
  assert.equal(status, 1);
  assert.match(stderr, /Balance failed/);
});
