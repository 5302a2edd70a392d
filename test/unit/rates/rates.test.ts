/**
 * Verifies: rates come only from the source that the owner chose, are limited in size, time and plausibility, stay
 *   with their time over a restart, and never exist for practice money.
 * Setup: the real module with a manual clock and a rate server on loopback that answers as the public sources do.
 * Fails if: a query is sent without a choice or for practice money, an implausible or oversized response is shown, an
 *   old rate is shown as today's, or a choice shows another source's rate.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { createRates, type Rates } from '../../../main/core/rates/index.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../../shared/settings.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const START_MS = Date.UTC(2026, 4, 4, 12);
const DAY_MS = 86_400_000;
const TOKEN = { id: 'eip155:8453/0xaa', symbol: 'USDC', decimals: 6, practice: false };
const COIN = { id: 'eip155:8453/native', symbol: 'ETH', decimals: 18, practice: false };

const asked: string[] = [];
let answer: (url: string) => { status?: number; body: string };
const server = createServer((request, response) => {
  asked.push(request.url ?? '');
  const { status = 200, body } = answer(request.url ?? '');
  response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end(body);
});
let origin = '';
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

const ECB = (usd: string, day = '2026-05-04') => ({
  body: `<gesmes:Envelope><Cube><Cube time='${day}'><Cube currency='USD' rate='${usd}'/><Cube currency='GBP' rate='0.8500'/></Cube></Cube></gesmes:Envelope>`,
});
const COINBASE = (usdc: string, eth: string) => (url: string) => ({
  body: JSON.stringify({ data: { rates: { EUR: url.includes('USDC') ? usdc : eth } } }),
});

beforeEach(() => {
  asked.length = 0;
  answer = () => ({ status: 500, body: '' });
});

function open(
  choice: Partial<Settings>,
  more: { practice?: boolean; records?: ReturnType<typeof createMemoryRecordStore> } = {},
) {
  const clock = manualClock(START_MS);
  const records = more.records ?? createMemoryRecordStore();
  let settings = { ...DEFAULT_SETTINGS, ...choice };
  const listeners = new Set<() => void>();
  const changes = { count: 0 };
  const log = createRecordingLog();
  const rates: Rates = createRates({
    records,
    settings: () => settings,
    onSettings(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    token: { ...TOKEN, practice: more.practice ?? false },
    coin: COIN,
    clock,
    fetch,
    urls: { ecb: `${origin}/ecb.xml`, coinbase: `${origin}/rates` },
    changed: () => {
      changes.count += 1;
    },
    log,
  });
  return {
    rates,
    clock,
    records,
    log,
    changes,
    change(patch: Partial<Settings>) {
      settings = { ...settings, ...patch };
      for (const listener of listeners) listener();
    },
  };
}

test('sends nothing and shows nothing while no source is chosen', async () => {
  const { rates, clock } = open({ rateSource: 'off' });
  rates.start();
  await rates.refresh();
  clock.advance(30 * DAY_MS);
  await rates.refresh();
  assert.equal(rates.state(), null);
  assert.deepEqual(asked, []);
});

test('sends nothing and shows nothing for practice money, regardless of the choice', async () => {
  const { rates, change } = open({ rateSource: 'ecb' }, { practice: true });
  rates.start();
  await rates.refresh();
  assert.equal(rates.state(), null);
  change({ rateSource: 'typed', typedRate: '0.92' });
  assert.equal(rates.state(), null);
  assert.equal(rates.history.at(TOKEN, START_MS), null);
  assert.deepEqual(asked, []);
});

test('converts the bank’s rates per euro into the currency per dollar, with their day', async () => {
  answer = () => ECB('1.2500');
  const { rates } = open({ rateSource: 'ecb', currency: 'GBP' });
  await rates.refresh();
  assert.deepEqual(rates.state(), {
    currency: 'GBP',
    source: 'ecb',
    token: { value: '0.68', atMs: Date.UTC(2026, 4, 4, 15) },
    coin: null,
    error: null,
  });
});

test('reads the exchange’s prices of token and coin', async () => {
  answer = COINBASE('0.9215', '2710.55');
  const { rates } = open({ rateSource: 'coinbase', currency: 'EUR' });
  await rates.refresh();
  const state = rates.state();
  assert.deepEqual(state?.token, { value: '0.9215', atMs: START_MS });
  assert.deepEqual(state?.coin, { value: '2710.55', atMs: START_MS });
  assert.deepEqual(asked, ['/rates?currency=USDC', '/rates?currency=ETH']);
});

for (const [what, reply] of [
  ['an implausible rate', () => ECB('0.0125')],
  ['a rate that is not a number', COINBASE('NaN', '2710')],
  ['an implausible price of the coin', COINBASE('0.92', '0.5')],
  ['a negative rate', COINBASE('-0.92', '2710')],
  ['a response without the currency', () => ({ body: '{"data":{"rates":{"XXX":"1"}}}' })],
  ['a page instead of rates', () => ({ body: '<html>sign in</html>' })],
  ['a response of 300 kB', () => ({ body: `${ECB('1.25').body}${' '.repeat(300_000)}` })],
  // Another address isn't the source that the owner chose, even if it answers like it.
  ['a redirect', (url: string) => (url === '/elsewhere' ? ECB('1.11') : { status: 302, body: '' })],
  ['a refusal', () => ({ status: 503, body: '' })],
] as const) {
  test(`keeps the last rate and shows an error after ${what}`, async () => {
    const source = /kB|implausible rate|redirect/.test(what) ? 'ecb' : 'coinbase';
    answer = source === 'ecb' ? () => ECB('1.25') : COINBASE('0.92', '2710');
    const { rates, log } = open({ rateSource: source, currency: 'EUR' });
    await rates.refresh();
    const before = rates.state()?.token;
    assert.ok(before);
    answer = reply;
    await rates.refresh();
    assert.deepEqual(rates.state()?.token, before);
    assert.match(rates.state()?.error ?? '', /^The rate source failed: /);
    assert.equal(log.lines.at(-1)?.level, 'warn');
  });
}

test('keeps the rate over a restart and hides it after a week', async () => {
  answer = COINBASE('0.92', '2710');
  const first = open({ rateSource: 'coinbase' });
  await first.rates.refresh();
  const second = open(
    { rateSource: 'coinbase' },
    { records: createMemoryRecordStore(first.records.snapshot()) },
  );
  assert.equal(second.rates.state()?.token?.value, '0.92');
  second.clock.advance(8 * DAY_MS);
  assert.equal(second.rates.state()?.token, null);
});

test('shows no rate of another source or currency', async () => {
  answer = COINBASE('0.92', '2710');
  const { rates, change } = open({ rateSource: 'coinbase', currency: 'EUR' });
  await rates.refresh();
  change({ currency: 'JPY' });
  assert.equal(rates.state()?.token, null);
  change({ rateSource: 'ecb', currency: 'EUR' });
  assert.equal(rates.state()?.token, null);
});

test('queries a newly chosen source immediately and repeats at its interval', async () => {
  answer = COINBASE('0.92', '2710');
  const { rates, change, clock, changes } = open({ rateSource: 'off' });
  rates.start();
  change({ rateSource: 'coinbase' });
  while (changes.count === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(asked.length, 2);
  clock.advance(3_600_000);
  while (changes.count === 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(asked.length, 4);
  rates.stop();
  clock.advance(DAY_MS);
  assert.equal(asked.length, 4);
});

test('uses a typed rate with the time at which it was typed, and refuses an implausible one', () => {
  const { rates, change, clock } = open({ rateSource: 'off', currency: 'EUR' });
  rates.start();
  change({ rateSource: 'typed', typedRate: '0.93' });
  clock.advance(40 * DAY_MS);
  assert.deepEqual(rates.state()?.token, { value: '0.93', atMs: START_MS });
  change({ typedRate: '93' });
  assert.equal(rates.state()?.token, null);
});

test('values an entry by the last rate before it, for at most 31 days', async () => {
  answer = COINBASE('0.92', '2710');
  const { rates, clock } = open({ rateSource: 'coinbase' });
  await rates.refresh();
  clock.advance(3 * DAY_MS);
  answer = COINBASE('0.95', '2800');
  await rates.refresh();
  const at = (days: number) => rates.history.at(TOKEN, START_MS + days * DAY_MS)?.value ?? null;
  assert.deepEqual(
    [at(-1), at(0), at(2), at(3), at(33), at(36)],
    [null, '0.92', '0.92', '0.95', '0.95', null],
  );
  assert.deepEqual(rates.history.at(COIN, START_MS), { value: '2710', currency: 'EUR', source: 'coinbase' });
});
