/**
 * Verifies: a data folder is restored from its backup byte for byte, or not at all.
 * Setup: real folders and databases; random files through the archive, which the system's own tar also reads;
 * backups that were cut, changed or forged; a database that is written to meanwhile.
 * Fails if: a file is left out, a path leads out of the folder, a restore overwrites an existing folder.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { copyDatabaseFile, openDatabase, openForReading } from '../../../main/adapters/sqlite/index.ts';
import { readArchive, writeArchive } from '../../../main/core/home/archive.ts';
import { backUpHome, homePaths, restoreHome } from '../../../main/core/home/index.ts';
import { isAppError } from '../../../shared/errors.ts';

let folder = '';
let out = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-backup-'));
  out = join(folder, 'backup.tar.gz');
});
afterEach(() => rmSync(folder, { recursive: true }));

const parts = { copyDatabase: copyDatabaseFile, now: () => 1 };
const check = (database: string) => openForReading(database).close();

/** A data folder with a database, keys, a practice chain, models and logs; and that of its requester. */
function makeHome(): ReturnType<typeof homePaths> {
  const paths = homePaths(join(folder, 'home'));
  for (const home of [paths, homePaths(paths.requester)]) {
    for (const path of [home.root, home.keys, home.chain, home.models, home.logs]) {
      mkdirSync(path, { recursive: true });
    }
    const database = openDatabase(home.database);
    database.records.set('test', 'a', '"kept"');
    database.close();
    writeFileSync(join(home.keys, 'wallet.json'), '{"crypto":{}}');
    writeFileSync(join(home.keys, 'practice-passphrase'), 'secret');
    writeFileSync(join(home.keys, 'wallet.json.new'), 'half');
    writeFileSync(join(home.models, 'model.gguf'), 'large');
    writeFileSync(join(home.logs, 'agent.log'), 'words');
  }
  writeFileSync(join(paths.chain, 'practice-chain.gz'), randomBytes(3000));
  writeFileSync(join(paths.chain, 'node-url'), 'http://127.0.0.1:1');
  writeFileSync(join(paths.root, 'rates.json'), '[]');
  return paths;
}

async function refused(promise: Promise<unknown>, code: 'bad-request' | 'checksum-mismatch' | 'not-found') {
  await assert.rejects(promise, (error) => isAppError(error, code), code);
}

test('the archive returns any files byte for byte', async () => {
  const file = fc.uint8Array({ maxLength: 5_000 });
  await fc.assert(
    fc.asyncProperty(fc.array(file, { maxLength: 6 }), async (contents) => {
      rmSync(out, { force: true });
      const files = contents.map((content, index) => ({
        name: `f${index}`,
        from: { content: Buffer.from(content) },
      }));
      await writeArchive(out, files, () => ({ name: 'last', from: { content: Buffer.from('end') } }));
      const seen: Buffer[] = [];
      await readArchive(out, async (_, content) => {
        const pieces: Buffer[] = [];
        for await (const piece of content) pieces.push(piece as Buffer);
        seen.push(Buffer.concat(pieces));
      });
      assert.deepEqual(seen, [...contents.map((content) => Buffer.from(content)), Buffer.from('end')]);
    }),
    { numRuns: 30 },
  );
});

test('fails, rather than waits, when a file cannot be written in the middle of it', async () => {
  await writeArchive(out, [{ name: 'large', from: { content: randomBytes(2_000_000) } }], () => ({
    name: 'last',
    from: { content: Buffer.from('end') },
  }));
  const diskFull = async (_: string, content: Readable) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    content.destroy();
    throw new Error('the disk is full');
  };
  const waited = new Promise((_, reject) => {
    setTimeout(() => reject(new Error('still waiting after 2 s')), 2_000).unref();
  });
  await assert.rejects(Promise.race([readArchive(out, diskFull), waited]), /the disk is full/);
});

test('restores everything but models and logs, readable by the owner only, from a file that tar can read', async () => {
  const paths = makeHome();
  const { files, holdsPracticePassphrase } = await backUpHome(paths, out, parts);
  assert.equal(holdsPracticePassphrase, true);
  assert.equal(statSync(out).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder).sort(), ['backup.tar.gz', 'home'], 'no temporary files remain');
  const listed = spawnSync('tar', ['tzf', out], { encoding: 'utf8' }).stdout.trim().split('\n');
  assert.deepEqual(listed, [...files, 'idlewatt-backup.json']);
  const back = homePaths(join(folder, 'back'));
  await restoreHome(out, back.root, check);
  for (const name of [
    'rates.json',
    'keys/wallet.json',
    'chain/practice-chain.gz',
    'requester/keys/wallet.json',
  ]) {
    assert.deepEqual(readFileSync(join(back.root, name)), readFileSync(join(paths.root, name)), name);
    assert.equal(statSync(join(back.root, name)).mode & 0o777, 0o600, name);
  }
  for (const name of ['models', 'logs', 'keys/wallet.json.new', 'chain/node-url']) {
    assert.equal(existsSync(join(back.root, name)), false, name);
  }
  for (const home of [back, homePaths(back.requester)]) {
    const database = openDatabase(home.database);
    assert.equal(database.records.get('test', 'a'), '"kept"');
    database.close();
  }
});

test('copies an open database as it was at one moment', async () => {
  const paths = makeHome();
  const database = openDatabase(paths.database);
  database.records.set('test', 'a', '"before"');
  await backUpHome(paths, out, {
    ...parts,
    copyDatabase(from, to) {
      copyDatabaseFile(from, to);
      if (from === paths.database) database.records.set('test', 'a', '"after"');
    },
  });
  database.close();
  await restoreHome(out, join(folder, 'back'), check);
  const back = openForReading(homePaths(join(folder, 'back')).database);
  assert.equal(back.records.get('test', 'a'), '"before"');
  back.close();
});

test('copies the databases again if the practice chain changed meanwhile', async () => {
  const paths = makeHome();
  let copies = 0;
  await backUpHome(paths, out, {
    ...parts,
    copyDatabase(from, to) {
      copies += 1;
      copyDatabaseFile(from, to);
      if (copies === 1) writeFileSync(join(paths.chain, 'practice-chain.gz'), 'a block more');
    },
  });
  assert.equal(copies, 4, 'two homes, twice');
  await restoreHome(out, join(folder, 'back'), check);
  assert.equal(readFileSync(join(folder, 'back', 'chain', 'practice-chain.gz'), 'utf8'), 'a block more');
});

test('overwrites neither an existing file nor an existing data folder', async () => {
  const paths = makeHome();
  await backUpHome(paths, out, parts);
  const before = readFileSync(out);
  await refused(backUpHome(paths, out, parts), 'bad-request');
  assert.deepEqual(readFileSync(out), before);
  await refused(restoreHome(out, paths.root, check), 'bad-request');
  await refused(restoreHome(join(folder, 'nowhere'), join(folder, 'back'), check), 'not-found');
  mkdirSync(join(folder, 'empty'));
  await restoreHome(out, join(folder, 'empty'), check);
});

test('restores nothing from a backup that was cut or changed anywhere', async () => {
  await backUpHome(makeHome(), out, parts);
  const whole = readFileSync(out);
  const damaged = join(folder, 'damaged.tar.gz');
  const back = join(folder, 'back');
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 30), fc.boolean(), async (place, cut) => {
      const bytes = cut ? whole.subarray(0, place) : Buffer.from(whole);
      // The gzip header's own fields (time, system) don't affect the content.
      const position = Math.max(place, 10);
      if (!cut) bytes[position] = (bytes[position] ?? 0) ^ 0x55;
      writeFileSync(damaged, bytes);
      await refused(restoreHome(damaged, back, check), 'checksum-mismatch');
      assert.equal(existsSync(back), false);
      assert.equal(existsSync(`${back}.restoring`), false);
    }),
    { numRuns: 25 },
  );
});

test('rejects files that no backup contains, wherever they would be written', async () => {
  for (const name of [
    '../outside',
    '/etc/passwd',
    'keys/../../outside',
    'models/x',
    'keys/.hidden',
    'agent.lock',
  ]) {
    const forged = join(folder, 'forged.tar.gz');
    rmSync(forged, { force: true });
    const file = { name, from: { content: Buffer.from('x') } };
    await writeArchive(forged, [file], (files) => ({
      name: 'idlewatt-backup.json',
      from: { content: Buffer.from(JSON.stringify({ format: 'idlewatt-backup-1', createdAtMs: 1, files })) },
    }));
    await refused(restoreHome(forged, join(folder, 'back'), check), 'checksum-mismatch');
    assert.deepEqual(readdirSync(folder), ['forged.tar.gz'], name);
  }
});
