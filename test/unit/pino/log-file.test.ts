/**
 * Verifies: lines are JSON with the promised fields, on disk when the call returns, in files of bounded size that
 * only the owner can read; nothing that happens to the disk reaches the caller.
 * Setup: real files in a temporary folder, a clock that the test sets, a full device (/dev/full) for a full disk,
 * and processes that are ended by an uncaught exception or SIGKILL in the middle of writing.
 * Fails if: a line is missing after a crash, the total exceeds its cap at any moment, a logging call throws, dropped
 * or lost lines aren't reported.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { type LogFileOptions, openLogFile } from '../../../main/adapters/pino/index.ts';
import { AppError } from '../../../shared/errors.ts';

type Line = Record<string, unknown>;

const START_MS = Date.parse('2026-05-01T10:00:00.000Z');
const INDEX = join(import.meta.dirname, '../../../main/adapters/pino/index.ts');

let folder = '';
let nowMs = START_MS;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'idlewatt-log-')), 'logs');
  nowMs = START_MS;
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

function open(options: Partial<LogFileOptions> = {}) {
  return openLogFile({ folder, name: 'agent', level: 'debug', now: () => nowMs, ...options });
}

/** Every line of the log, oldest first. */
function lines(): Line[] {
  const files = readdirSync(folder).sort();
  const current = files.filter((file) => file === 'agent.log');
  return [...files.filter((file) => file !== 'agent.log'), ...current]
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

function totalBytes(): number {
  return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}

test('warnings and errors are passed on as redacted lines of text, and nothing else is', () => {
  const problems: string[] = [];
  const { log } = open({ onProblem: (line) => problems.push(line) });
  const child = log.child('engine');
  child.info('left out');
  child.warn('The model could not be loaded', { model: 'm', passphrase: 'correct horse' });
  const incident = child.error('A job failed', new Error('a bug'));
  assert.deepEqual(problems, [
    'warn [engine] The model could not be loaded {"model":"m","passphrase":"[redacted]"}',
    `error [engine] A job failed {"cause":"a bug","incident":"${incident}"}`,
  ]);
});

test('a line has time, level, component, message and fields, and is on disk when the call returns', () => {
  const { log } = open();
  log.child('engine').info('Loaded.', { threads: 4, time: 'own' });
  assert.deepEqual(lines(), [
    {
      level: 'info',
      time: '2026-05-01T10:00:00.000Z',
      component: 'engine',
      threads: 4,
      time_: 'own',
      msg: 'Loaded.',
    },
  ]);
});

test('an error has its stack and the incident that the caller got', () => {
  const { log } = open();
  const incident = log.error('Failed.', new AppError('busy', 'No free slot.', { cause: new Error('why') }), {
    a: 1,
  });
  const [line] = lines() as [Line & { err: Line & { cause: Line } }];
  assert.match(incident, /^[0-9a-f]{8}$/);
  assert.equal(line.incident, incident);
  assert.equal(line.a, 1);
  assert.equal(line.err.code, 'busy');
  assert.match(String(line.err.stack), /log-file\.test\.ts/);
  assert.equal(line.err.cause.message, 'why');
});

test('levels below the threshold are not written, and silent writes nothing', () => {
  const { log } = open({ level: 'warn' });
  log.info('no');
  log.debug('no');
  log.warn('yes');
  assert.deepEqual(
    lines().map(({ msg }) => msg),
    ['yes'],
  );
  const silent = open({ level: 'silent', name: 'shell' });
  assert.equal(silent.log.error('no', new Error('no')), 'none');
  assert.deepEqual(readdirSync(folder), ['agent.log']);
});

test('messages and fields are redacted', () => {
  const { log } = open();
  const secret = 'ab'.repeat(32);
  log.info(`key ${secret}`, { passphrase: 'correct horse', transaction: `0x${secret}` });
  const [line] = lines();
  assert.equal(line?.msg, 'key [redacted]');
  assert.equal(line?.passphrase, '[redacted]');
  assert.equal(line?.transaction, `0x${secret}`);
});

test('only the owner can read the folder and the files, even if an older file was readable', () => {
  open().log.info('first');
  chmodSync(join(folder, 'agent.log'), 0o644);
  const { log } = open({ fileBytesMax: 200 });
  for (let count = 0; count < 5; count += 1) log.info('more lines than fit in one file');
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  const files = readdirSync(folder);
  assert.ok(files.length > 1);
  for (const file of files) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
});

test('a file that is full or a day old becomes an older one, also after a restart', () => {
  const { log, close } = open({ fileBytesMax: 300 });
  for (let count = 0; count < 4; count += 1) log.info(`line ${count}`.padEnd(40));
  assert.deepEqual(readdirSync(folder), ['agent.000001.log', 'agent.log']);
  close();
  nowMs += 86_400_000;
  open({ fileBytesMax: 300 }).log.info('the next day');
  assert.deepEqual(readdirSync(folder), ['agent.000001.log', 'agent.000002.log', 'agent.log']);
  assert.deepEqual(
    lines().map(({ msg }) => String(msg).trim()),
    ['line 0', 'line 1', 'line 2', 'line 3', 'the next day'],
  );
});

test('the total never exceeds its cap, and the newest lines stay', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ size: fc.nat(600), waitMs: fc.nat(3_000), restart: fc.boolean() }), {
        minLength: 1,
        maxLength: 60,
      }),
      (steps) => {
        rmSync(folder, { recursive: true, force: true });
        nowMs = START_MS;
        const options = {
          fileBytesMax: 1_000,
          totalBytesMax: 3_000,
          fileAgeMsMax: 20_000,
          linesPerSecondMax: 5,
        };
        let file = open(options);
        for (const [index, { size, waitMs, restart }] of steps.entries()) {
          nowMs += waitMs;
          if (restart) {
            file.close();
            file = open(options);
          }
          file.log.info(`${index} ${'. '.repeat(size / 2)}`);
          assert.ok(totalBytes() <= 3_000);
        }
        file.close();
        assert.ok(totalBytes() <= 3_000);
        const numbers = lines()
          .filter(({ component }) => component === 'agent')
          .map(({ msg }) => Number.parseInt(String(msg), 10));
        assert.deepEqual(
          numbers,
          [...numbers].sort((a, b) => a - b),
        );
      },
    ),
    { numRuns: 40 },
  );
});

test('a flood of one component is cut per second and reported, and other components keep their budget', () => {
  const { log, close } = open({ linesPerSecondMax: 10 });
  for (let count = 0; count < 1_000; count += 1) log.child('gateway').info('Rejected a request.');
  log.child('gateway').warn('A warning has a budget of its own.');
  log.child('engine').info('Still here.');
  nowMs += 1_000;
  log.child('engine').info('A second later.');
  assert.equal(lines().filter(({ component }) => component === 'gateway').length, 11);
  const report = lines().find(({ component }) => component === 'log');
  assert.deepEqual([report?.count, report?.source, report?.level], [990, 'gateway', 'warn']);
  for (let count = 0; count < 12; count += 1) log.child('gateway').info('Rejected a request.');
  close();
  assert.equal(lines().at(-1)?.count, 2);
});

test('a full disk loses lines without an error to the caller, and the loss is reported when there is room', () => {
  const { log } = open();
  log.info('before');
  const [before] = lines();
  const full = open({ name: 'shell' });
  symlinkSync('/dev/full', join(folder, 'shell.log'));
  full.log.info('lost');
  assert.match(full.log.error('lost', new Error('lost')), /^[0-9a-f]{8}$/);
  rmSync(join(folder, 'shell.log'));
  full.log.info('room again');
  const written = readFileSync(join(folder, 'shell.log'), 'utf8').trim().split('\n');
  assert.deepEqual(
    written.map((line) => (JSON.parse(line) as Line).msg),
    ['room again', '2 lines lost: the log could not be written.'],
  );
  assert.equal(before?.msg, 'before');
});

test('a folder that cannot be created and fields that cannot be read reach no caller', () => {
  const file = join(folder, '..', 'file');
  writeFileSync(file, '');
  const { log, close } = open({ folder: join(file, 'logs') });
  log.info('nowhere');
  close();
  const hostile = {
    get field(): string {
      throw new Error('unreadable');
    },
  };
  const other = open();
  other.log.info('lost', hostile);
  other.log.info('after');
  assert.deepEqual(
    lines().map(({ msg }) => msg),
    ['after', '1 lines lost: the log could not be written.'],
  );
});

test('a line that a crash tore is followed by whole lines', () => {
  open().log.info('whole');
  const path = join(folder, 'agent.log');
  writeFileSync(path, `${readFileSync(path, 'utf8')}{"torn":`);
  open().log.info('after the crash');
  const last = readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? '';
  assert.equal((JSON.parse(last) as Line).msg, 'after the crash');
});

test('every line before a crash is on disk, whether an exception or SIGKILL ended the process', () => {
  for (const end of ["throw new Error('crash')", "process.kill(process.pid, 'SIGKILL')"]) {
    rmSync(folder, { recursive: true, force: true });
    const program = `
      import { openLogFile } from ${JSON.stringify(INDEX)};
      const { log } = openLogFile({ folder: ${JSON.stringify(folder)}, name: 'agent', level: 'info' });
      for (let count = 1; count <= 50; count += 1) log.info('line ' + count);
      ${end};`;
    spawnSync(process.execPath, ['--input-type=module', '--eval', program]);
    assert.deepEqual(
      lines().map(({ msg }) => msg),
      Array.from({ length: 50 }, (_, index) => `line ${index + 1}`),
    );
  }
});
