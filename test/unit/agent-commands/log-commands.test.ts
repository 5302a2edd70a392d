/**
 * Verifies: `logs` prints the stored and new lines that match, safe for a terminal; `report` lists what it writes,
 * overwrites nothing and contains no secret and no personal path.
 * Setup: data folders with log files of several processes, the commands as processes of their own; no agent runs.
 * Fails if: a filter lets a wrong line pass, a control character reaches the terminal, an existing file is replaced,
 * a planted secret is found in the zip.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, test } from 'node:test';
import { strFromU8, unzipSync } from 'fflate';
import { openLogFile } from '../../../main/adapters/pino/index.ts';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { openTerminalAccess } from '../../../main/agent/terminal-access.ts';
import { homePaths } from '../../../main/core/home/index.ts';
import { createSettings } from '../../../main/core/settings/index.ts';
import { AGENT_PROGRAM } from '../../../scripts/lib/places.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { startFakeAgent } from '../../fakes/agent-api.ts';

const SECRET = 'c0ffee'.repeat(11).slice(0, 64);

let folder = '';
let home = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-log-commands-'));
  home = join(folder, 'home');
});
afterEach(() => rmSync(folder, { recursive: true }));

function agent(...words: string[]) {
  return spawnSync(process.execPath, [AGENT_PROGRAM, ...words], {
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  });
}

function openLog(name: string, root = home) {
  return openLogFile({
    folder: homePaths(root).logs,
    name,
    level: 'debug',
    now: () => Date.parse('2026-05-01T10:00:00.5Z'),
  });
}

function writeSampleLog(): void {
  const { log } = openLog('agent');
  log.child('engine').debug('Loading.', { model: 'tiny', threads: 4 });
  log.child('gateway').warn('Odd \u001b[31mname\u0007 from a peer.', { peer: 'a b' });
  log.child('api').error('A call failed.', new Error('broken', { cause: new Error('why') }));
  openLog('shell').log.child('tray').info('Started.');
}

test('logs prints time, level, component, message and fields, and an error with its stack and cause', () => {
  writeSampleLog();
  const { status, stdout, stderr } = agent('logs', '--home', home);
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /^2026-05-01 10:00:00\.500 {2}DEBUG {2}engine {8}Loading\. {2}model=tiny {2}threads=4$/m,
  );
  assert.match(
    stdout,
    /ERROR {2}api .*A call failed\. {2}incident=[0-9a-f]{8}\n {4}Error: broken\n {4} +at /,
  );
  assert.match(stdout, /caused by:\n {4}Error: why/);
  assert.match(stdout, /INFO {3}shell\/tray {4}Started\./);
});

test('logs escapes control characters of a message', () => {
  writeSampleLog();
  const { stdout } = agent('logs', '--home', home);
  assert.match(stdout, /Odd \\u001b\[31mname\\u0007 from a peer\. {2}peer="a b"/);
  assert.ok(!stdout.includes('\u001b'));
});

test('logs filters by level, component and number, and prints JSON', () => {
  writeSampleLog();
  const messages = (...words: string[]) =>
    agent('logs', '--home', home, '--json', ...words)
      .stdout.trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
  assert.deepEqual(messages('--level', 'error'), ['A call failed.']);
  assert.deepEqual(messages('--component', 'engine'), ['Loading.']);
  assert.deepEqual(messages('--lines', '1'), ['Started.']);
  const wrong = agent('logs', '--home', home, '--level', 'loud');
  assert.deepEqual(
    [wrong.status, wrong.stderr.trim()],
    [2, 'idlewatt: Invalid --level "loud". Use debug, info, warn or error.'],
  );
});

test('logs without a log names the folder and exits with code 1', () => {
  const { status, stderr } = agent('logs', '--home', home);
  assert.equal(status, 1);
  assert.match(stderr, /No log in .*home\/logs\. Set the data folder with --home DIR\./);
});

test('logs --follow prints new lines as they are written, across a rotation', async () => {
  writeSampleLog();
  const child = spawn(process.execPath, [
    AGENT_PROGRAM,
    'logs',
    '--home',
    home,
    '--follow',
    '--level',
    'info',
  ]);
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const until = async (text: string): Promise<string> => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done || value.includes(text)) return String(value);
      }
    };
    await until('Started.');
    const { log } = openLogFile({
      folder: homePaths(home).logs,
      name: 'agent',
      level: 'debug',
      fileBytesMax: 2_000,
    });
    log.debug('not wanted');
    for (let count = 0; count < 40; count += 1) log.child('sale').info(`line ${count}`);
    for (let count = 0; count < 40; count += 1)
      assert.match(await until('line '), new RegExp(`line ${count}$`));
  } finally {
    child.kill('SIGKILL');
  }
});

function makeHome(): void {
  mkdirSync(home, { recursive: true });
  const database = openDatabase(homePaths(home).database);
  createSettings({ records: database.records, defaults: DEFAULT_SETTINGS }).change({ idleMinutes: 7 });
  database.records.set('wallet', 'planted', JSON.stringify(SECRET));
  database.close();
  writeSampleLog();
  const { log } = openLog('agent');
  log.info(`In ${home} and ${homedir()}.`, { transaction: `0x${'ab'.repeat(32)}` });
  openLog('agent', homePaths(home).requester).log.info('Asked.');
  // As a version without redaction could have written it.
  const path = join(homePaths(home).logs, 'shell.log');
  const line = {
    time: '2026-05-01T10:00:01.000Z',
    level: 'info',
    component: 'old',
    msg: SECRET,
    passphrase: 'horse',
  };
  writeFileSync(path, `${JSON.stringify(line)}\n`, { flag: 'a' });
}

test('report lists its members with sizes and writes them, for the owner only, without secrets and paths', () => {
  makeHome();
  const out = join(folder, 'report.zip');
  const { status, stdout, stderr } = agent('report', '--home', home, '--out', out);
  assert.equal(status, 0, stderr);
  assert.equal(statSync(out).mode & 0o777, 0o600);
  const members = Object.fromEntries(
    Object.entries(unzipSync(readFileSync(out))).map(([name, bytes]) => [name, strFromU8(bytes)]),
  );
  for (const [name, text] of Object.entries(members)) {
    assert.match(stdout, new RegExp(`${name} +${Buffer.byteLength(text)} bytes`));
    for (const hidden of [SECRET, 'horse', home, homedir()])
      assert.ok(!text.includes(hidden), `${hidden} in ${name}`);
  }
  assert.match(stdout, /Read it before you send it to anyone\./);
  const read = (name: string) => JSON.parse(members[name] ?? '') as Record<string, unknown>;
  assert.equal(read('versions.json').node, process.version);
  assert.ok((read('versions.json').libraries as Record<string, string>).pino);
  assert.deepEqual(read('settings.json'), { chosen: { idleMinutes: 7 }, effective: null });
  assert.deepEqual((read('database.json').migrations as { known: number[] }).known.length > 0, true);
  assert.equal(read('agent.json').sensors, 'not running');
  assert.match(members['log.jsonl'] ?? '', /0x(ab){32}.*<data folder> and ~\./);
  assert.match(members['requester-log.jsonl'] ?? '', /Asked\./);
});

test('report has the settings in effect from the running agent, whatever its profile', async () => {
  makeHome();
  const token = 'ab'.repeat(16);
  const running = await startFakeAgent({ scenario: 'busy', token });
  try {
    running.change({ settings: { ...DEFAULT_SETTINGS, runWhen: 'always', idleMinutes: 7 } });
    openTerminalAccess(home, { url: running.url, token });
    const out = join(folder, 'report.zip');
    const child = spawn(process.execPath, [AGENT_PROGRAM, 'report', '--home', home, '--out', out]);
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    const text = strFromU8(unzipSync(readFileSync(out))['settings.json'] ?? new Uint8Array());
    const { chosen, effective } = JSON.parse(text) as Record<string, Record<string, unknown>>;
    assert.deepEqual(chosen, { idleMinutes: 7 });
    assert.deepEqual([effective?.runWhen, effective?.idleMinutes], ['always', 7]);
  } finally {
    await running.stop();
  }
});

test('report overwrites nothing, needs --out and a data folder, and survives a damaged database', () => {
  makeHome();
  const out = join(folder, 'report.zip');
  writeFileSync(out, 'precious');
  const refused = agent('report', '--home', home, '--out', out);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /already exists\. Choose another file with --out\./);
  assert.equal(readFileSync(out, 'utf8'), 'precious');
  assert.equal(agent('report', '--home', home).status, 2);
  const nowhere = agent('report', '--home', join(folder, 'nowhere'), '--out', join(folder, 'other.zip'));
  assert.match(nowhere.stderr, /No Idlewatt data in/);
  assert.equal(existsSync(join(folder, 'other.zip')), false);
  writeFileSync(homePaths(home).database, 'no database');
  const damaged = agent('report', '--home', home, '--out', join(folder, 'damaged.zip'));
  assert.equal(damaged.status, 0, damaged.stderr);
  const text = strFromU8(
    unzipSync(readFileSync(join(folder, 'damaged.zip')))['settings.json'] ?? new Uint8Array(),
  );
  assert.match(text, /"unavailable": "/);
});
