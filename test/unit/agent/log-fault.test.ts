/**
 * Verifies: background work that fails because the database can't be written is no failure of its own.
 * Setup: failures are passed to the handler, with a log that keeps its lines.
 * Fails if: a full disk fills the log with errors, or any other failure goes unnoticed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logFault } from '../../../main/agent/log.ts';
import { storageError } from '../../../main/ports/storage.ts';
import { createRecordingLog } from '../../fakes/log.ts';

test('only failures that the storage has not announced are errors', () => {
  const log = createRecordingLog();
  const report = logFault(log, 'A timer callback failed');
  report(storageError('disk-full'));
  report(storageError('database-lost'));
  report(storageError('database-damaged'));
  report(new Error('anything'));
  assert.deepEqual(
    log.lines.map(({ level }) => level),
    ['debug', 'debug', 'error', 'error'],
  );
});
