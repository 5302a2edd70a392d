/**
 * Verifies: an unknown command does nothing and lists the known ones; each exit code has one meaning.
 * Setup: the agent's program as a process of its own, with words that would start no agent.
 * Fails if: an agent starts because a command was misspelled, a failure exits with code 0.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isCommand, listCommands } from '../../../main/agent-commands/index.ts';
import { COMMANDS } from '../../../main/agent-commands/table.ts';
import { REPOSITORY } from '../../../scripts/lib/places.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-commands-'));
const nowhere = join(folder, 'nowhere');
after(() => rmSync(folder, { recursive: true }));

function agent(...words: string[]) {
  return spawnSync(process.execPath, [join(REPOSITORY, 'main/agent-main.ts'), ...words], {
    encoding: 'utf8',
  });
}

test('a first word is a command, an option belongs to the agent', () => {
  assert.equal(isCommand(['ledger', 'verify']), true);
  assert.equal(isCommand(['--headless']), false);
  assert.equal(isCommand([]), false);
});

test('an unknown command exits with 2 and lists the known commands', () => {
  const { status, stderr } = agent('ledger', 'burn', '--home', nowhere);
  assert.equal(status, 2);
  assert.match(stderr, /Unknown command "ledger/);
  for (const name of Object.keys(COMMANDS)) assert.ok(stderr.includes(name), name);
  assert.ok(stderr.includes(listCommands()));
});

test('a wrong or missing value exits with 2 before anything is read or written', () => {
  for (const words of [
    ['logs', '--level', 'loud'],
    ['logs', '--lines', 'many'],
    ['ledger', 'export', '--format', 'pdf'],
    ['ledger', 'export', '--format', 'csv', '--from', 'yesterday'],
    ['ledger', 'verify', '--home', ' '],
    ['backup'],
    ['restore'],
    ['report'],
    ['wallet', 'export'],
    ['wallet', 'send', 'coin'],
  ]) {
    const { status, stderr } = agent(...words, ...(words.includes('--home') ? [] : ['--home', nowhere]));
    assert.equal(status, 2, `${words.join(' ')}: ${stderr}`);
  }
  assert.equal(existsSync(nowhere), false);
});

test('a wrong option exits with 2, a missing data folder with 1, and neither creates a folder', () => {
  const wrong = agent('ledger', 'verify', '--hom', nowhere);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /Usage: npm run agent -- ledger verify/);
  for (const words of [
    ['ledger', 'verify'],
    ['ledger', 'export'],
    ['backup', '--out', join(folder, 'x')],
  ]) {
    const { status, stderr } = agent(...words, '--home', nowhere);
    assert.equal(status, 1, words.join(' '));
    assert.match(stderr, /No Idlewatt data in .*the database is missing/);
  }
  assert.equal(existsSync(nowhere), false);
});
