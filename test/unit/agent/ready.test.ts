/**
 * Verifies: keys are printed only to a terminal or a pipe, never to a journal or a file, and the file for them is private.
 * Setup: a READY content with every key; real files, pipes and sockets as standard output.
 * Fails if: a token reaches output that others can read, or the file is readable by others.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { announceReady } from '../../../main/agent/ready.ts';
import { isOutputKept } from '../../../main/ports/kept-output.ts';
import { type AgentReady, parseReadyLine } from '../../../shared/host.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-ready-'));
after(() => rmSync(folder, { recursive: true }));

const SECRET = 'a'.repeat(48);
const page = { url: 'http://127.0.0.1:1/', token: SECRET };
const ready: AgentReady = {
  pid: 1,
  home: '/home',
  profile: 'practice',
  page,
  gateway: { baseUrl: 'http://127.0.0.1:2/v1', key: `iw-${SECRET}` },
  peer: { id: 'peer', addresses: [] },
  chain: null,
  requester: { pid: 2, page, gateway: { baseUrl: 'http://127.0.0.1:3/v1', key: `iw-${SECRET}` } },
};

function announce(isKept: boolean, readyFile: string | null): { lines: string[]; remove: () => void } {
  const lines: string[] = [];
  const remove = announceReady(ready, { readyFile, isOutputKept: isKept, print: (line) => lines.push(line) });
  return { lines, remove };
}

test('prints everything to the program that reads the line', () => {
  assert.deepEqual(parseReadyLine(announce(false, null).lines[0] ?? ''), ready);
});

test('prints no key to output that is stored, and the line can still be read', () => {
  const [line = ''] = announce(true, null).lines;
  assert.ok(!line.includes(SECRET));
  assert.equal(parseReadyLine(line)?.pid, 1);
});

test('writes a private file, even over an open one, and removes it', {
  skip: process.platform === 'win32',
}, () => {
  const path = join(folder, 'ready.json');
  writeFileSync(path, 'older', { mode: 0o644 });
  const { remove } = announce(true, path);
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), ready);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  remove();
  assert.equal(existsSync(path), false);
  const unwritable = join(folder, 'missing', 'ready.json');
  assert.throws(() => announce(false, unwritable), { code: 'bad-request' });
});

test('recognizes a journal and a file, and no terminal or pipe', () => {
  const file = openSync(join(folder, 'output'), 'w');
  assert.equal(isOutputKept({}, file), true);
  closeSync(file);
  assert.equal(isOutputKept({}, file), false, 'closed');
  const module = join(import.meta.dirname, '../../../main/ports/kept-output.ts');
  // A child whose output is a socket or pipe of this process, with and without the variable of the journal.
  const script = `
    const { isOutputKept } = await import(${JSON.stringify(module)});
    const { fstatSync } = await import('node:fs');
    const { dev, ino } = fstatSync(1);
    console.log(isOutputKept({}), isOutputKept({ JOURNAL_STREAM: '1:2' }), isOutputKept({ JOURNAL_STREAM: dev + ':' + ino }));
  `;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  assert.equal(stdout.trim(), 'false false true');
});
