/**
 * Verifies: a code pairs one browser, once, within minutes and five tries; a paired browser needs both of its secrets, of
 * which none is stored; a revoked one is out, and its connections are notified.
 * Setup: a manual clock, a store in memory, a log that records.
 * Fails if: a code can be guessed on, used twice or late; one secret is enough; a secret is stored or logged.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createPairing } from '../../../main/core/pairing/index.ts';
import type { StoredBrowser } from '../../../main/ports/paired-browsers.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const NOW_MS = 1_750_000_000_000;
const DAY_MS = 86_400_000;

function start() {
  const clock = manualClock(NOW_MS);
  const log = createRecordingLog();
  let stored: readonly StoredBrowser[] = [];
  const open = () =>
    createPairing({
      clock,
      log,
      store: {
        read: () => stored,
        write: (next) => {
          stored = next;
        },
      },
    });
  return { clock, log, stored: () => stored, open, pairing: open() };
}

function paired(pairing: ReturnType<typeof createPairing>, name = 'Firefox, Linux') {
  const result = pairing.pair({ code: pairing.startCode().code, name });
  assert.ok('half' in result);
  return result;
}

test('a code pairs one browser, however it is typed, and works once', () => {
  const { pairing, open, stored } = start();
  const { code } = pairing.startCode();
  assert.match(code, /^[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}$/);
  const typed = ` ${code.toLowerCase().replace('-', ' ')}`;
  const result = pairing.pair({ code: typed, name: 'Firefox' });
  assert.ok('half' in result);
  assert.ok(pairing.check(result.half, result.cookie));
  assert.deepEqual(pairing.pair({ code, name: 'Firefox' }), { problem: 'no-code' });
  // Another start reads what was stored.
  assert.ok(open().check(result.half, result.cookie));
  const text = JSON.stringify(stored());
  for (const secret of [result.half.key, result.cookie, code]) assert.ok(!text.includes(secret));
});

test('five wrong tries void a code, and so does time', () => {
  const { pairing, clock } = start();
  const { code } = pairing.startCode();
  for (let count = 0; count < 5; count += 1) {
    assert.deepEqual(pairing.pair({ code: '2222-2222', name: 'x' }), { problem: 'wrong-code' });
  }
  assert.deepEqual(pairing.pair({ code, name: 'x' }), { problem: 'no-code' });
  const late = pairing.startCode();
  clock.advance(5 * 60_000);
  assert.deepEqual(pairing.pair({ code: late.code, name: 'x' }), { problem: 'no-code' });
  const setBack = pairing.startCode();
  clock.setTimeBy(-3_600_000);
  clock.advance(300_000);
  assert.deepEqual(pairing.pair({ code: setBack.code, name: 'x' }), { problem: 'no-code' }, 'by any clock');
});

test('a new code voids the earlier one', () => {
  const { pairing } = start();
  const first = pairing.startCode();
  const second = pairing.startCode();
  assert.deepEqual(pairing.pair({ code: first.code, name: 'x' }), { problem: 'wrong-code' });
  assert.ok('half' in pairing.pair({ code: second.code, name: 'x' }));
});

test('both secrets of the same browser are needed', () => {
  const { pairing } = start();
  const [one, two] = [paired(pairing), paired(pairing)];
  assert.ok(pairing.check(one.half, one.cookie) && pairing.check(two.half, two.cookie));
  assert.ok(!pairing.check(one.half, two.cookie));
  assert.ok(!pairing.check({ ...one.half, key: two.half.key }, one.cookie));
  assert.ok(!pairing.check({ ...one.half, id: two.half.id }, one.cookie));
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.string(),
      (id, key, cookie) => !pairing.check({ id, key }, cookie),
    ),
  );
});

test('a revoked browser is out immediately, and the others stay', () => {
  const { pairing } = start();
  const [one, two] = [paired(pairing), paired(pairing)];
  const revoked: string[] = [];
  pairing.onRevoked((id) => revoked.push(id));
  pairing.revoke(one.half.id);
  assert.deepEqual(revoked, [one.half.id]);
  assert.ok(!pairing.check(one.half, one.cookie));
  assert.ok(pairing.check(two.half, two.cookie));
  assert.throws(() => pairing.revoke(one.half.id), { code: 'not-found' });
  assert.deepEqual(
    pairing.list().map(({ id }) => id),
    [two.half.id],
  );
});

test('at most twenty browsers are paired; names are plain; the last connection is stored by day', () => {
  const { pairing, clock } = start();
  const first = paired(pairing, '\u202eevil\u001b[2J');
  assert.equal(pairing.list()[0]?.name, 'evil [2J');
  clock.advance(DAY_MS - 1);
  pairing.check(first.half, first.cookie);
  assert.equal(pairing.list()[0]?.lastSeenMs, NOW_MS);
  clock.advance(1);
  pairing.check(first.half, first.cookie);
  assert.equal(pairing.list()[0]?.lastSeenMs, NOW_MS + DAY_MS);
  for (let count = 1; count < 20; count += 1) paired(pairing);
  assert.deepEqual(pairing.pair({ code: pairing.startCode().code, name: 'x' }), {
    problem: 'too-many-browsers',
  });
});

test('no secret is logged', () => {
  const { pairing, log } = start();
  const { code } = pairing.startCode();
  pairing.pair({ code: '2222-2222', name: 'x' });
  const result = pairing.pair({ code, name: 'x' });
  assert.ok('half' in result);
  const text = JSON.stringify(log.lines);
  for (const secret of [code, code.replace('-', ''), result.half.key, result.cookie]) {
    assert.ok(!text.includes(secret));
  }
});
