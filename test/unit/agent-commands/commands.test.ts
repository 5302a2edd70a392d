/**
 * Verifies: an unknown command does nothing and lists the known ones; each exit code has one meaning; commands that read
 * for long yield to what serves.
 * Setup: commands in this process, which takes a hundredth of the time of a process each; the agent's program as a process
 * of its own where its exit code, its priority or its pipe is meant. The words would start no agent.
 * Fails if: an agent starts because a command was misspelled, a failure exits with code 0.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { constants, getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { isCommand, listCommands, runCommand } from '../../../main/agent-commands/index.ts';
import { readsForLong } from '../../../main/agent-commands/is-command.ts';
import { COMMANDS } from '../../../main/agent-commands/table.ts';
import { AGENT_PROGRAM, REPOSITORY } from '../../../scripts/lib/places.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-commands-'));
const nowhere = join(folder, 'nowhere');
after(() => rmSync(folder, { recursive: true }));

function agent(...words: string[]) {
  return spawnSync(process.execPath, [AGENT_PROGRAM, ...words], {
    encoding: 'utf8',
  });
}

/** Runs a command whose result is not read. */
async function command(...words: string[]): Promise<{ readonly status: number; readonly stderr: string }> {
  const lines = mock.method(console, 'error', () => {});
  const results = mock.method(console, 'log', () => {});
  try {
    const status = await runCommand(words);
    return { status, stderr: lines.mock.calls.map(({ arguments: [line] }) => `${line}\n`).join('') };
  } finally {
    lines.mock.restore();
    results.mock.restore();
  }
}

test('a first word is a command, an option belongs to the agent', () => {
  assert.equal(isCommand(['ledger', 'verify']), true);
  assert.equal(isCommand(['--headless']), false);
  assert.equal(isCommand([]), false);
});

test('commands that read for long have the lowest priority before their code is loaded, and no others', () => {
  const priorityOf = (...words: string[]) => {
    const program = ['--import', join(REPOSITORY, 'main/agent/priority.ts')];
    const code = 'console.log(require("node:os").getPriority())';
    return Number(spawnSync(process.execPath, [...program, '-e', code, 'main', ...words]).stdout.toString());
  };
  const reading = Object.keys(COMMANDS).filter((name) => readsForLong(name.split(' ')));
  assert.deepEqual(reading.sort(), ['backup', 'ledger export', 'ledger verify', 'report', 'restore']);
  assert.equal(priorityOf('ledger', 'verify'), constants.priority.PRIORITY_LOW);
  assert.equal(priorityOf('wallet', 'history'), getPriority());
});

test('an unknown command exits with 2 and lists the known commands', () => {
  const { status, stderr } = agent('ledger', 'burn', '--home', nowhere);
  assert.equal(status, 2);
  assert.match(stderr, /Unknown command "ledger/);
  for (const name of Object.keys(COMMANDS)) assert.ok(stderr.includes(name), name);
  assert.ok(stderr.includes(listCommands()));
});

test('a wrong or missing value exits with 2 before anything is read or written', async () => {
  for (const words of [
    ['logs', '--level', 'loud'],
    ['logs', '--lines', 'many'],
    ['ledger', 'export', '--format', 'xls'],
    ['ledger', 'export', '--format', 'csv', '--from', 'yesterday'],
    ['ledger', 'verify', '--home', ' '],
    ['backup'],
    ['restore'],
    ['report'],
    ['wallet', 'export'],
    ['wallet', 'send', 'coin'],
  ]) {
    const { status, stderr } = await command(
      ...words,
      ...(words.includes('--home') ? [] : ['--home', nowhere]),
    );
    assert.equal(status, 2, `${words.join(' ')}: ${stderr}`);
  }
  assert.equal(existsSync(nowhere), false);
});

test('a wrong option exits with 2, a missing data folder with 1, and neither creates a folder', async () => {
  const wrong = agent('ledger', 'verify', '--hom', nowhere);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /Usage: npm run agent -- ledger verify/);
  for (const words of [
    ['ledger', 'verify'],
    ['ledger', 'export'],
    ['backup', '--out', join(folder, 'x')],
  ]) {
    const { status, stderr } = await command(...words, '--home', nowhere);
    assert.equal(status, 1, words.join(' '));
    assert.match(stderr, /No Idlewatt data in .*the database is missing/);
  }
  assert.equal(existsSync(nowhere), false);
});

/** A stopped practice data folder with an empty ledger. */
async function emptyHome(name: string): Promise<string> {
  const home = join(folder, name);
  const { status, stderr } = await command('wallet', 'create', '--practice', '--home', home);
  assert.equal(status, 0, stderr);
  return home;
}

/** A path of many short parts, longer than the database library accepts. */
const LONG = Array.from({ length: 18 }, () => 'a'.repeat(200)).join('/');

test('a path that is too long, a folder instead of a file, and an unreadable place are no bugs', async () => {
  const home = await emptyHome('paths');
  const single = join(folder, 'b'.repeat(3_600));
  for (const words of [
    ['--home', join(folder, LONG)],
    ['wallet', 'create', '--practice', '--home', join(folder, LONG)],
    ['ledger', 'export', '--home', home, '--rates', folder],
    ['ledger', 'export', '--home', home, '--out', single],
    ['restore', '--in', join(folder, 'none'), '--home', join(home, 'idlewatt.db', 'x')],
    ['backup', '--home', home, '--out', single],
  ]) {
    const { status, stderr } = words[0] === '--home' ? agent(...words) : await command(...words);
    const shown = words.map((word) => word.slice(0, 40)).join(' ');
    // A value that the owner can correct on the command line counts as wrong usage.
    const expected = words[1] === 'export' && words.includes('--out') ? 2 : 1;
    assert.equal(status, expected, `${shown}: ${stderr.slice(0, 300)}`);
    assert.match(stderr, /^idlewatt: [A-Z/].*\.\n$/s, shown);
    assert.doesNotMatch(stderr, /bug| at /, shown);
  }
  assert.equal(existsSync(join(folder, 'a'.repeat(200))), false, 'nothing was created');
});

test('an export rejects days that don’t exist and periods that end before they begin', async () => {
  const home = await emptyHome('days');
  const out = join(folder, 'days.csv');
  const write = ['ledger', 'export', '--home', home, '--out', out];
  for (const [from, to] of [
    ['2026-02-30', '2026-03-31'],
    ['2026-13-01', '2026-03-31'],
    ['2026-01-01', '2025-02-29'],
    ['2026-01-00', '2026-03-31'],
    ['2026-03-02', '2026-03-01'],
  ] as const) {
    const { status, stderr } = await command(...write, '--from', from, '--to', to);
    assert.equal(status, 2, `${from} ${to}`);
    assert.match(stderr, /^idlewatt: Invalid --(from|to) "/);
    assert.equal(existsSync(out), false);
  }
  for (const day of ['2024-02-29', '2026-03-29', '2026-10-25']) {
    assert.equal((await command(...write, '--from', day, '--to', day)).status, 0, day);
    rmSync(out);
  }
});

test('a reader that closes the pipe ends the command without an error', async () => {
  const home = await emptyHome('pipe');
  for (const words of [['ledger', 'export', '--home', home], ['logs', '--help'], ['--help']]) {
    const child = spawn(process.execPath, [AGENT_PROGRAM, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(errors, '', words.join(' '));
    assert.equal(code, 0, words.join(' '));
  }
});
