/**
 * Verifies: a backup that the owner chose is copied whole into the folder of backups, private, under a name that pages may
 * use and that the agent doesn't clear away.
 * Setup: temporary folders.
 * Fails if: a name is refused by the API, an existing backup is overwritten, half a copy stays.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { copyBackup } from '../../../main/desktop/copied-backup.ts';
import { backupNameSchema } from '../../../shared/api/maintenance.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-copied-'));
after(() => rmSync(folder, { recursive: true }));
const backups = join(folder, 'backups');
const chosen = join(folder, 'a backup (2).tar.gz');
const NOW = Date.UTC(2026, 10, 29, 12);

test('a chosen file is copied, for its owner only', async () => {
  writeFileSync(chosen, 'content', { mode: 0o644 });
  const name = await copyBackup(chosen, backups, NOW);
  assert.equal(backupNameSchema.parse(name), 'chosen-20261129-120000.tar.gz');
  assert.equal(readFileSync(join(backups, name), 'utf8'), 'content');
  assert.equal(statSync(join(backups, name)).mode & 0o777, 0o600);
  assert.equal(statSync(backups).mode & 0o777, 0o700);
});

test('a file of that folder keeps its name', async () => {
  const name = 'chosen-20261129-120000.tar.gz';
  assert.equal(await copyBackup(join(backups, name), backups, NOW + 1_000), name);
  assert.deepEqual(readdirSync(backups), [name]);
});

test('a file that can’t be copied leaves nothing', async () => {
  await assert.rejects(copyBackup(join(folder, 'gone.tar.gz'), backups, NOW + 5_000), /ENOENT/);
  assert.equal(readdirSync(backups).length, 1);
});
