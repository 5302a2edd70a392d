/**
 * Verifies: the parts of an agent close in the reverse order of their opening, even if some fail; each failure is one
 * log line.
 * Setup: closers that note their names, and a writer that keeps lines.
 * Fails if: the database closes before what writes to it, one failing part keeps the others open, an error loses its
 * stack.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClosers } from '../../../main/agent/closers.ts';
import { latest } from '../../../main/agent/latest.ts';
import { storageError } from '../../../main/ports/storage.ts';
import { createRecordingLog } from '../../fakes/log.ts';

test('closes in the reverse order of opening, one after the other', async () => {
  const closers = createClosers(createRecordingLog());
  const closed: string[] = [];
  closers.add(() => void closed.push('database'));
  closers.add(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    closed.push('network');
  });
  closers.add(() => void closed.push('pages'));
  await closers.closeAll();
  assert.deepEqual(closed, ['pages', 'network', 'database']);
});

test('logs a part that cannot be closed, and closes the others', async () => {
  const log = createRecordingLog();
  const closers = createClosers(log);
  const closed: string[] = [];
  closers.add(() => void closed.push('database'));
  closers.add(async () => {
    throw new Error('still in use');
  });
  await closers.closeAll();
  assert.deepEqual(closed, ['database']);
  assert.deepEqual(
    log.lines.map(({ level, error }) => [level, String(error)]),
    [['error', 'Error: still in use']],
  );
});

test('closes each part once', async () => {
  const closers = createClosers(createRecordingLog());
  let count = 0;
  closers.add(() => {
    count += 1;
  });
  await closers.closeAll();
  await closers.closeAll();
  assert.equal(count, 1);
});

test('a cell is empty until its first value', () => {
  const cell = latest<number>();
  assert.equal(cell.get(), null);
  cell.set(7);
  assert.equal(cell.get(), 7);
  assert.equal(latest(3).get(), 3);
});

test('a full disk is no bug of the part that could not be closed', async () => {
  const log = createRecordingLog();
  const closers = createClosers(log);
  closers.add(() => {
    throw storageError('disk-full');
  });
  await closers.closeAll();
  assert.deepEqual(
    log.lines.map(({ level, fields }) => [level, String(fields.cause)]),
    [['warn', 'The disk is full, so nothing more can be saved. Free some space.']],
  );
});
