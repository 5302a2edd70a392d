/**
 * Verifies: only a backup that was just checked is restored, only with the losses that were shown, only on its network,
 * and only from the folder of backups.
 * Setup: a temporary data folder, a command with a set result, a clock that the test sets.
 * Fails if: a request is written in any other case, the agent doesn't end after the response, or it ends twice.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { createRestoreChoice } from '../../../main/agent/restore-choice.ts';
import { isAppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-choice-'));
after(() => rmSync(folder, { recursive: true }));

const NAME = 'idlewatt-20261123-120000.tar.gz';
const CHECKSUM = 'c'.repeat(64);
const FACTS = {
  ...{ createdAtMs: 1, checksum: CHECKSUM, entries: 5, entriesHere: 7, entriesLost: 2, isSameLedger: true },
  ...{ wallet: '0x1', walletHere: '0x1' },
};

let root = '';
const commands: string[][] = [];

beforeEach(() => {
  root = mkdtempSync(join(folder, 'home-'));
  mkdirSync(join(root, 'backups'));
  writeFileSync(join(root, 'backups', NAME), 'content');
  commands.length = 0;
});

function choice(options: { readonly assetIds?: readonly string[]; readonly desktop?: boolean } = {}) {
  const clock = manualClock(1_000);
  const ended: string[] = [];
  const chooser = createRestoreChoice({
    ...{ root, folder: join(root, 'backups'), assetIds: ['usdc', 'eth'], clock, log: createRecordingLog() },
    run: async (argv) => {
      commands.push([...argv]);
      return `${JSON.stringify({ ...FACTS, assetIds: options.assetIds ?? ['eth'] })}\n`;
    },
    restart: options.desktop ? () => ended.push('restart') : null,
    quit: () => ended.push('quit'),
  });
  return { chooser, clock, ended };
}

const accepted = { name: NAME, checksum: CHECKSUM, acceptsEntriesLost: 2 };
const request = () => join(root, 'restore-request.json');

test('a checked backup is requested with its checksum, and the agent ends after its response', async () => {
  for (const desktop of [true, false]) {
    rmSync(request(), { force: true });
    const { chooser, clock, ended } = choice({ desktop });
    assert.deepEqual(await chooser.inspect(NAME), FACTS);
    assert.deepEqual(commands.at(-1)?.slice(0, 2), ['restore', '--check']);
    assert.deepEqual(chooser.restore(accepted), { restarts: desktop });
    assert.deepEqual(ended, []);
    const { file, checksum, phase } = JSON.parse(readFileSync(request(), 'utf8'));
    assert.deepEqual([file, checksum, phase], [join(root, 'backups', NAME), CHECKSUM, 'requested']);
    clock.advance(1_000);
    assert.deepEqual(ended, [desktop ? 'restart' : 'quit']);
    assert.throws(
      () => chooser.restore(accepted),
      (error) => isAppError(error, 'busy'),
    );
  }
});

test('nothing is requested without a check, for another backup, or for other losses than those shown', async () => {
  const { chooser, ended } = choice();
  const refused = (wanted: typeof accepted, code: 'bad-request' | 'not-permitted') => {
    assert.throws(
      () => chooser.restore(wanted),
      (error) => isAppError(error, code),
    );
    assert.equal(existsSync(request()), false);
  };
  refused(accepted, 'bad-request');
  await chooser.inspect(NAME);
  refused({ ...accepted, name: 'other.tar.gz' }, 'bad-request');
  refused({ ...accepted, checksum: 'd'.repeat(64) }, 'bad-request');
  refused({ ...accepted, acceptsEntriesLost: 0 }, 'not-permitted');
  assert.deepEqual(ended, []);
});

test('a backup of another network is refused, also after one of this network', async () => {
  const { chooser } = choice({ assetIds: ['other-usdc'] });
  await assert.rejects(chooser.inspect(NAME), (error) => isAppError(error, 'bad-request'));
  assert.throws(
    () => chooser.restore(accepted),
    (error) => isAppError(error, 'bad-request'),
  );
  assert.deepEqual(
    await choice({ assetIds: [] }).chooser.inspect(NAME),
    FACTS,
    'an empty ledger is of any network',
  );
});

test('no name leads out of the folder of backups', async () => {
  writeFileSync(join(root, 'secret.tar.gz'), 'content');
  const { chooser } = choice();
  for (const name of ['../secret.tar.gz', join(root, 'secret.tar.gz'), 'gone.tar.gz']) {
    await assert.rejects(chooser.inspect(name), (error) => isAppError(error, 'not-found'), name);
  }
  assert.deepEqual(commands, []);
});

test('one backup is checked at a time', async () => {
  const { chooser } = choice();
  const first = chooser.inspect(NAME);
  await assert.rejects(chooser.inspect(NAME), (error) => isAppError(error, 'busy'));
  await first;
});
