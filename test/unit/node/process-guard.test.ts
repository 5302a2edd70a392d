/**
 * Verifies: after an uncaught exception or an unhandled rejection the process logs it, closes everything and exits
 * with code 1, in bounded time.
 * Setup: real child processes with the guard and a real log file.
 * Fails if: the stack isn't in the log, closing is skipped or waited for without end, the exit code is another one.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BUG_EXIT_CODE } from '../../../shared/options.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-guard-'));
after(() => rmSync(folder, { recursive: true }));

const adapter = (name: string) =>
  JSON.stringify(join(import.meta.dirname, `../../../main/adapters/${name}/index.ts`));

interface Line {
  readonly msg: string;
  readonly incident?: string;
  readonly err?: { readonly message: string; readonly stack: string };
}

function run(name: string, program: { readonly close: string; readonly body: string }) {
  const text = `
    import { guardProcess } from ${adapter('node')};
    import { openLogFile } from ${adapter('pino')};
    const { log } = openLogFile({ folder: ${JSON.stringify(folder)}, name: '${name}', level: 'info' });
    guardProcess({
      log, closeMsMax: 400, close: async () => { ${program.close} }, isExpected: (error) => error.code === 'ENOSPC',
    });
    ${program.body}`;
  const startMs = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', text], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  const lines = readFileSync(join(folder, `${name}.log`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  return { status, stderr, lines, durationMs: performance.now() - startMs };
}

const CLOSED = "await new Promise((resolve) => setTimeout(resolve, 50)); log.info('closed');";

test('an uncaught exception is logged with its stack, then everything is closed, then the exit code is that of a bug', () => {
  const { status, lines, stderr } = run('exception', {
    close: CLOSED,
    body: "setTimeout(() => { throw new Error('a bug'); }, 10); setInterval(() => {}, 1000);",
  });
  assert.equal(status, BUG_EXIT_CODE, stderr);
  assert.match(lines[0]?.msg ?? '', /^Uncaught exception/);
  assert.equal(lines[0]?.err?.message, 'a bug');
  assert.match(lines[0]?.err?.stack ?? '', /at .*\d+:\d+/);
  assert.match(lines[0]?.incident ?? '', /^[0-9a-f]{8}$/);
  assert.equal(lines[1]?.msg, 'closed');
});

test('an unhandled rejection ends the process in the same way', () => {
  const { status, lines, stderr } = run('rejection', {
    close: CLOSED,
    body: "void Promise.reject(new Error('a bug'));",
  });
  assert.equal(status, BUG_EXIT_CODE, stderr);
  assert.match(lines[0]?.msg ?? '', /^Unhandled rejection/);
  assert.equal(lines[1]?.msg, 'closed');
});

test('a close that hangs is cut off, and one that fails is logged; both exit with the code of a bug', () => {
  const hung = run('hung', {
    close: 'await new Promise(() => undefined);',
    body: "throw new Error('a bug');",
  });
  assert.equal(hung.status, BUG_EXIT_CODE);
  assert.equal(hung.lines.at(-1)?.msg, 'Closing took too long.');
  assert.ok(hung.durationMs < 10_000, `${hung.durationMs} ms`);
  const failed = run('failed', { close: "throw new Error('stuck');", body: "throw new Error('a bug');" });
  assert.equal(failed.status, BUG_EXIT_CODE);
  assert.equal(failed.lines.at(-1)?.err?.message, 'stuck');
});

test('a second bug while closing is logged and does not cut the closing short', () => {
  const { status, lines } = run('second', {
    close: `setTimeout(() => { throw new Error('another'); }, 5); ${CLOSED}`,
    body: "throw new Error('a bug');",
  });
  assert.equal(status, BUG_EXIT_CODE);
  assert.deepEqual(
    lines.map(({ err }) => err?.message),
    ['a bug', 'another', undefined],
  );
  assert.equal(lines.at(-1)?.msg, 'closed');
});

test('an expected failure, such as a full disk, is logged and ends nothing', () => {
  const full = "Object.assign(new Error('no space left'), { code: 'ENOSPC' })";
  const { status, lines } = run('expected', {
    close: CLOSED,
    body: `
      void Promise.reject(${full});
      setTimeout(() => { throw ${full}; }, 5);
      setTimeout(() => { log.info('still here'); process.exit(0); }, 50);`,
  });
  assert.equal(status, 0);
  assert.deepEqual(
    lines.map(({ err, msg }) => err?.message ?? msg),
    ['no space left', 'no space left', 'still here'],
  );
});
