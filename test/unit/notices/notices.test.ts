/**
 * Verifies: one notice per code is shown until it is cleared, and listeners are called only for real changes.
 * Setup: the notices in memory.
 * Fails if: a notice appears twice, stays after its cause is gone, or clearing an absent one is reported.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNotices } from '../../../main/core/notices/index.ts';

const warning = (network: string) => ({ severity: 'warning' as const, details: { network } });

test('shows one notice per code, with the latest details', () => {
  const notices = createNotices();
  notices.show('chain-unavailable', warning('one'));
  notices.show('chain-unavailable', warning('two'));
  assert.deepEqual(notices.list(), [{ code: 'chain-unavailable', ...warning('two') }]);
});

test('reports a cleared notice once', () => {
  const notices = createNotices();
  const changes: string[] = [];
  const stop = notices.onChange((change) =>
    changes.push(`${change.type} ${change.type === 'shown' ? change.notice.code : change.code}`),
  );
  notices.clear('no-source');
  notices.show('no-source', warning('one'));
  notices.clear('no-source');
  notices.clear('no-source');
  assert.deepEqual(changes, ['shown no-source', 'cleared no-source']);
  assert.deepEqual(notices.list(), []);
  stop();
  notices.show('no-source', warning('one'));
  assert.equal(changes.length, 2);
});
