/**
 * Goal: a command that is not understood does nothing and says what there is; each exit code means one thing.
 * Method: the agent's program as a process of its own, with words that no agent would be started by.
 * Would break: an agent that starts because a command was misspelt, a failure with exit code 0.
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

test('words are commands, options are the agent’s', () => {
  assert.equal(isCommand(['ledger', 'verify']), true);
  assert.equal(isCommand(['--headless']), false);
  assert.equal(isCommand([]), false);
});

test('an unknown command ends with 2 and lists those that there are', () => {
  const { status, stderr } = agent('ledger', 'burn', '--home', nowhere);
  assert.equal(status, 2);
  assert.match(stderr, /no command "ledger/);
  for (const name of Object.keys(COMMANDS)) assert.ok(stderr.includes(name), name);
  assert.ok(stderr.includes(listCommands()));
});

test('a wrong option ends with 2, a home that is not there with 1, and neither makes one', () => {
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
    assert.match(stderr, /There is no Idlewatt home/);
  }
  assert.equal(existsSync(nowhere), false);
});
