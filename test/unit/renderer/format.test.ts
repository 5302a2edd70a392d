/**
 * Verifies: numbers on the pages are exact or marked as rounded, and never invented.
 * Setup: known values, and properties over random amounts (a written amount can be parsed again).
 * Fails if: money is rounded without a mark, digits are lost while a price is typed, or a duration becomes zero.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  readAmount,
  secondsLeft,
  shorten,
  writeAmount,
  writeAmountForTyping,
  writeBytes,
  writeClock,
  writeDay,
  writeDuration,
  writeMeasured,
  writeMoment,
  writeMoney,
  writePercent,
  writeSpread,
} from '../../../renderer/format.ts';

test('tiny amounts are readable and exact', () => {
  assert.deepEqual(writeAmount('9', 6, 'en'), { text: '0.000009', exact: '0.000009' });
  assert.deepEqual(writeAmount('1234567890', 6, 'en'), { text: '1,234.56789', exact: '1,234.56789' });
  assert.deepEqual(writeAmount('-9', 6, 'de'), { text: '-0,000009', exact: '-0,000009' });
  assert.deepEqual(writeAmount('0', 6, 'en'), { text: '0', exact: '0' });
});

test('an amount with too many digits is rounded and marked, and exact in the tooltip', () => {
  assert.deepEqual(writeAmount('231000000000417', 18, 'en'), {
    text: '≈ 0.000231',
    exact: '0.000231000000000417',
  });
});

test('amounts beyond the precision of a double keep every digit', () => {
  assert.equal(writeAmount('123456789012345678901234567', 18, 'en').exact, '123,456,789.012345678901234567');
});

test('a price written for typing parses to the same base units in both languages', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 14n }), fc.constantFrom('en', 'de'), (units, language) => {
      assert.equal(readAmount(writeAmountForTyping(units.toString(), 6, language), 6), units.toString());
    }),
  );
});

test('text that is not an amount, or too precise, is rejected instead of rounded', () => {
  for (const text of ['', 'abc', '-1', '1e3', '0.0000001', '1.2.3', '1,234.5', ' ']) {
    assert.equal(readAmount(text, 6), null, text);
  }
  assert.equal(readAmount(' 0,05 ', 6), '50000');
  assert.equal(readAmount('3', 6), '3000000');
});

test('bytes, durations, measurements and days have their units', () => {
  assert.equal(writeBytes(0, 'en'), '0 B');
  assert.equal(writeBytes(94_200_000, 'en'), '94.2 MB');
  assert.equal(writeBytes(94_200_000, 'de'), '94,2 MB');
  assert.equal(writeDuration(340, 'en'), '340 ms');
  assert.equal(writeDuration(5_400, 'en'), '5.4 s');
  assert.equal(writeDuration(7_500_000, 'en'), '2 h 5 min');
  assert.equal(writeDuration(86_400_000, 'en'), '1 day');
  assert.equal(writeDuration(180_000_000, 'de'), '2 Tage 2 h');
  assert.equal(writeMeasured(0.03124, 'en'), '0.0312');
  assert.equal(writeMeasured(1240.4, 'en'), '1,240');
  assert.equal(writeDay('2026-11-23', 'en'), 'Nov 23');
});

test('a moment has its date unless it is of today, and its year unless it is of this one', () => {
  const now = new Date(2026, 10, 30, 12).getTime();
  const at = (year: number, month: number, day: number) => new Date(year, month, day, 9, 5).getTime();
  assert.equal(writeMoment(at(2026, 10, 30), now, 'en-GB'), '09:05');
  assert.equal(writeMoment(at(2026, 10, 29), now, 'en-GB'), '29 Nov, 09:05');
  assert.equal(writeMoment(at(2025, 10, 29), now, 'en-GB'), '29 Nov 2025, 09:05');
});

test('percentages follow the language, spreads with one decimal', () => {
  assert.equal(writePercent(37.4, 'en'), '37%');
  assert.equal(writePercent(37.4, 'de'), '37\u00a0%');
  assert.equal(writeSpread(2.14, 'en'), '±2.1%');
  assert.equal(writeSpread(12, 'de'), '±12\u00a0%');
});

test('the time left is known only if size and speed are known', () => {
  assert.equal(secondsLeft({ receivedBytes: 50, totalBytes: 100, bytesPerSecond: 10 }), 5);
  assert.equal(secondsLeft({ receivedBytes: 50, totalBytes: null, bytesPerSecond: 10 }), null);
  assert.equal(secondsLeft({ receivedBytes: 50, totalBytes: 100, bytesPerSecond: null }), null);
  assert.equal(secondsLeft({ receivedBytes: 50, totalBytes: 100, bytesPerSecond: 0 }), null);
});

test('long identifiers keep their head and tail, short ones stay unchanged', () => {
  assert.equal(shorten('0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'), '0xf39F…2266');
  assert.equal(shorten('job-0001'), 'job-0001');
});

test('a clock shows the zone’s local time, and the weekday only if the day differs', () => {
  const nowMs = Date.UTC(2026, 9, 24, 21); // 23:00 in Berlin; the clocks go back that night
  assert.equal(writeClock(nowMs, nowMs, 'en-GB', 'Europe/Berlin'), '23:00');
  assert.equal(writeClock(nowMs, nowMs, 'en-GB', 'Asia/Kathmandu'), '02:45');
  const twice = [0, 1].map((hour) =>
    writeClock(Date.UTC(2026, 9, 25, hour), nowMs, 'en-GB', 'Europe/Berlin'),
  );
  assert.deepEqual(twice, ['Sun 02:00', 'Sun 02:00']);
});

const USDC = { id: 'eip155:8453/0x1', symbol: 'USDC', decimals: 6, practice: false };
const PRACTICE = { ...USDC, id: 'eip155:31337/0x1', practice: true };
const EURO = { currency: 'EUR', perDollar: 0.92, atMs: 0, source: 'typed' } as const;

test('money is written in the owner’s currency if there is a rate, small amounts in hundredths', () => {
  assert.equal(writeMoney('913043', USDC, EURO, 'en'), '€0.84');
  assert.equal(writeMoney('45500000', USDC, EURO, 'en'), '€41.86');
  assert.equal(writeMoney('45500000', USDC, EURO, 'de'), '41,86\u00a0€');
  assert.equal(writeMoney('565', USDC, EURO, 'en'), '0.052\u00a0ct');
  assert.equal(writeMoney('0', USDC, EURO, 'en'), '€0.00');
  assert.equal(writeMoney('565', USDC, { ...EURO, currency: 'GBP' }, 'en'), '£0.00052');
});

test('money without a rate stays in its asset, and no rate ever applies to practice money', () => {
  assert.equal(writeMoney('45500000', USDC, null, 'en'), '45.50 USDC');
  assert.equal(writeMoney('565', USDC, null, 'en'), '0.000565 USDC');
  assert.equal(writeMoney('3370', PRACTICE, EURO, 'en'), '0.34\u00a0ct');
  assert.equal(writeMoney('0', PRACTICE, null, 'en'), '0.00\u00a0ct');
  assert.equal(writeMoney('1200000', PRACTICE, EURO, 'de'), '1,20 USDC');
});

test('an amount that is not zero is never written as zero', () => {
  const amounts = fc.bigInt({ min: 1n, max: 10n ** 12n });
  fc.assert(
    fc.property(
      amounts,
      fc.constantFrom(USDC, PRACTICE),
      fc.constantFrom(null, EURO),
      (units, asset, rate) => {
        assert.match(writeMoney(units.toString(), asset, rate, 'en'), /[1-9]/);
      },
    ),
  );
});
