/**
 * Verifies: each request to the desktop shell is delivered once, and a connection that ended is no longer counted; the
 * question for a backup ends with its own answer.
 * Setup: the link alone, with one or two listening connections.
 * Fails if: an ended connection still counts as a shell, a request is lost while one shell replaces another, an earlier
 * question gets the answer of a later one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createShellLink } from '../../../main/api/shell-link.ts';
import type { ShellRequest } from '../../../shared/api/contract.ts';
import { isAppError } from '../../../shared/errors.ts';

function listen(link: ReturnType<typeof createShellLink>) {
  const end = new AbortController();
  const received: ShellRequest[] = [];
  const done = (async () => {
    for await (const request of link.requests(end.signal)) received.push(request);
  })();
  return { received, end: () => end.abort(), done };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const request = (id: string): ShellRequest => ({ type: 'probe-gpu', id });

test('requests wait for a shell and are delivered in order', async () => {
  const link = createShellLink();
  link.tell(request('a'));
  assert.equal(link.connected(), false);
  const shell = listen(link);
  await settled();
  assert.equal(link.connected(), true);
  link.tell(request('b'));
  await settled();
  assert.deepEqual(shell.received, [request('a'), request('b')]);
  shell.end();
  await shell.done;
  assert.equal(link.connected(), false);
});

test('a connection that ends while another one listens is no longer counted, and takes no request', async () => {
  const link = createShellLink();
  const [first, second] = [listen(link), listen(link)];
  await settled();
  first.end();
  await settled();
  link.tell(request('a'));
  await settled();
  assert.deepEqual([first.received, second.received], [[], [request('a')]]);
  second.end();
  await Promise.race([first.done, new Promise((resolve) => setTimeout(resolve, 500))]);
  await second.done;
  assert.equal(link.connected(), false);
});

test('a probe resolves with the answer, fails with the shell, and ends with its signal', async () => {
  const link = createShellLink();
  const shell = listen(link);
  const result = {} as never;
  const never = new AbortController();
  const answered = link.gpuProbe.run(never.signal);
  await settled();
  const [first] = shell.received as { id: string }[];
  link.answer(first?.id ?? '', result);
  assert.equal(await answered, result);
  const failed = link.gpuProbe.run(never.signal);
  await settled();
  link.fail((shell.received as { id: string }[])[1]?.id ?? '', 'No GPU.');
  await assert.rejects(failed, { code: 'unsupported', message: 'No GPU.' });
  const stopped = link.gpuProbe.run(AbortSignal.abort());
  await assert.rejects(stopped, { code: 'aborted' });
  shell.end();
});

test('a backup is chosen only in a shell, and a later question replaces an earlier one', async () => {
  const link = createShellLink();
  await assert.rejects(link.chooseBackup('/backups'), (error) => isAppError(error, 'unsupported'));
  const shell = listen(link);
  await settled();
  const first = link.chooseBackup('/backups');
  const second = link.chooseBackup('/backups');
  await assert.rejects(first, (error) => isAppError(error, 'aborted'));
  await settled();
  const [early, late] = shell.received as { type: string; id: string; folder: string }[];
  assert.ok(early && late);
  assert.deepEqual([late.type, late.folder], ['choose-backup', '/backups']);
  link.answerBackup(early.id, 'early.tar.gz', null);
  link.answerBackup(late.id, 'late.tar.gz', null);
  assert.equal(await second, 'late.tar.gz');
  const third = link.chooseBackup('/backups');
  await settled();
  link.answerBackup((shell.received.at(-1) as { id: string }).id, null, 'ENOSPC');
  await assert.rejects(third, (error) => isAppError(error, 'unsupported'));
  shell.end();
  await shell.done;
});

test('a question to the owner ends with its shell, and the next shell doesn’t get it', async () => {
  const shell = createShellLink();
  const end = new AbortController();
  const seen: string[] = [];
  const listen = async (signal: AbortSignal) => {
    for await (const request of shell.requests(signal)) seen.push(request.type);
  };
  const listening = listen(end.signal);
  const ask = () => shell.confirm({ about: 'machines', change: 'leave', machine: null }, 'machines leave');
  const refused = Array.from({ length: 4 }, () => assert.rejects(ask(), { code: 'not-permitted' }));
  await assert.rejects(ask(), { code: 'busy' }, 'a page that asks in a loop');
  end.abort();
  await Promise.all([listening, ...refused]);
  const before = seen.length;
  const next = new AbortController();
  const again = listen(next.signal);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(seen.length, before);
  next.abort();
  await again;
});
