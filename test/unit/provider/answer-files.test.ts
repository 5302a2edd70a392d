/**
 * Verifies: answers of batches on disk survive a kill, are unreadable without their buyer's key, and stay within their bytes
 * and their time.
 * Setup: a real folder, and a clock that the test moves.
 * Fails if: text or a peer's name is in a file or its name, another key opens one, one peer takes the space of all, or a
 * file is left after its time.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openAnswerFiles } from '../../../main/core/provider/index.ts';
import { manualClock } from '../../fakes/clock.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const HOUR_MS = 3_600_000;
const KEY = randomBytes(32);
const TEXT = 'data: {"content":"The answer is a secret"}\n\n'.repeat(20);

function setUp(limits: { filedBytesMax?: number; filedBytesPerPeerMax?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-answers-'));
  folders.push(folder);
  const clock = manualClock(1_700_000_000_000);
  const open = () =>
    openAnswerFiles(folder, clock, {
      ...{ filedBytesMax: 1_000_000, filedBytesPerPeerMax: 1_000_000, filedMs: HOUR_MS },
      ...limits,
    });
  return { folder, clock, open, names: () => readdirSync(folder) };
}

const of = (peer: string, id: string) => ({ peer, id });

test('a file has neither the text nor the peer, and opens for its own job with its key alone', async () => {
  const { folder, open, names } = setUp();
  const files = open();
  await files.write(of('peer-one', 'job-1'), TEXT, KEY);
  const [name = ''] = names();
  const content = readFileSync(join(folder, name), 'latin1');
  for (const word of ['secret', 'answer', 'peer-one', 'job-1', KEY.toString('latin1')]) {
    assert.ok(!content.includes(word) && !name.includes(word), word);
  }
  // Windows has no such permissions.
  if (process.platform !== 'win32') assert.equal(statSync(join(folder, name)).mode & 0o077, 0);
  assert.equal(await files.read(of('peer-one', 'job-1'), KEY), TEXT);
  assert.equal(await files.read(of('peer-one', 'job-1'), randomBytes(32)), null);
  assert.equal(await files.read(of('peer-one', 'job-2'), KEY), null);
  assert.equal(await files.read(of('peer-two', 'job-1'), KEY), null);
  writeFileSync(join(folder, name), 'cut');
  assert.equal(await files.read(of('peer-one', 'job-1'), KEY), null);
});

test('a file is there after a kill, and what was left unfinished is not', async () => {
  const { folder, open, names } = setUp();
  await open().write(of('peer', 'job'), TEXT, KEY);
  writeFileSync(join(folder, `${names()[0]}.part`), 'half');
  assert.equal(await open().read(of('peer', 'job'), KEY), TEXT);
  assert.equal(names().length, 1);
});

test('a file goes when its buyer has it, and after its time', async () => {
  const { clock, open, names } = setUp();
  const files = open();
  for (const id of ['1', '2', '3']) await files.write(of('peer', id), TEXT, KEY);
  await files.remove([of('peer', '1'), of('stranger', '2'), of('peer', 'unknown')]);
  assert.equal(await files.read(of('peer', '1'), KEY), null);
  assert.equal(names().length, 2);
  clock.advance(HOUR_MS - 1);
  assert.equal(await files.read(of('peer', '2'), KEY), TEXT);
  clock.advance(1);
  assert.equal(await files.read(of('peer', '2'), KEY), null);
  // A write deletes what is too old; so does the next start.
  await files.write(of('peer', '4'), TEXT, KEY);
  assert.equal(names().length, 1);
});

test('beyond its bytes, a peer loses its own oldest files, and all together lose the oldest', async () => {
  const { clock, open } = setUp({ filedBytesMax: 4 * 4_096, filedBytesPerPeerMax: 2 * 4_096 });
  const files = open();
  const write = async (peer: string, id: string) => {
    clock.advance(1);
    await files.write(of(peer, id), TEXT, KEY);
  };
  const has = async (peer: string, id: string) => (await files.read(of(peer, id), KEY)) !== null;
  await write('quiet', '1');
  for (const id of ['1', '2', '3']) await write('greedy', id);
  assert.deepEqual(
    [await has('quiet', '1'), await has('greedy', '1'), await has('greedy', '3')],
    [true, false, true],
  );
  await write('third', '1');
  await write('third', '2');
  assert.deepEqual([await has('quiet', '1'), await has('greedy', '2')], [false, true]);
});
