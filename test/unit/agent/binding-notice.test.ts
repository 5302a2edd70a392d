/**
 * Verifies: a notice about a payout address that signs elsewhere comes seven days before the signature ends and once it has ended, in
 * notices and in the log once for each, and no longer after a new signature; there is none where nothing was signed.
 * Setup: the real notices on a manual clock; the test gives the signature that is stored.
 * Fails if: the notice comes late, early or not at all, the log repeats it every minute, or it stays after a new signature.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOTICE_BEFORE_MS, watchBinding } from '../../../main/agent/binding-notice.ts';
import { createNotices } from '../../../main/core/notices/index.ts';
import type { SignedBinding } from '../../../shared/identity.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const NOW_MS = Date.UTC(2026, 2, 1);
const DAY_MS = 86_400_000;
const PAYOUT = '0x90F79bf6EB2c4f870365E785982E1f101E93b906';

function until(ms: number): SignedBinding {
  const untilSeconds = ms / 1_000;
  return { peer: 'p', payout: PAYOUT, fromSeconds: NOW_MS / 1_000, untilSeconds, signature: '0x' };
}

test('the notice comes seven days before the end, changes at the end, and goes with a new signature', () => {
  const clock = manualClock(NOW_MS);
  const notices = createNotices();
  const log = createRecordingLog();
  const closers: (() => void)[] = [];
  let signed: SignedBinding | null = null;
  watchBinding({ clock, notices, log, onClose: (close) => void closers.push(close) }, () => signed);
  const codes = () => notices.list().map(({ code }) => code);
  clock.advance(40 * DAY_MS);
  assert.deepEqual(codes(), [], 'nothing was signed');
  const endMs = clock.now() + 31 * DAY_MS;
  signed = until(endMs);
  clock.advance(31 * DAY_MS - NOTICE_BEFORE_MS - 60_000);
  assert.deepEqual(codes(), []);
  clock.advance(60_000);
  assert.deepEqual(notices.list(), [
    {
      ...{ code: 'binding-ends', severity: 'warning' },
      details: { until: new Date(endMs).toISOString().slice(0, 10), address: PAYOUT },
    },
  ]);
  clock.advance(NOTICE_BEFORE_MS - 60_000);
  assert.deepEqual(codes(), ['binding-ends']);
  clock.advance(60_000);
  assert.deepEqual(codes(), ['binding-ended']);
  clock.advance(3 * DAY_MS);
  assert.equal(log.lines.filter(({ level }) => level === 'warn').length, 2, 'each once');
  signed = until(clock.now() + 31 * DAY_MS);
  clock.advance(60_000);
  assert.deepEqual(codes(), []);
  for (const close of closers) close();
  clock.advance(40 * DAY_MS);
  assert.deepEqual(codes(), [], 'closed');
});
