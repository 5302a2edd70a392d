/**
 * Goal: what is in a home comes back from its backup byte for byte, or nothing does.
 * Method: real folders and databases; random files through the archive, which the system's own tar also reads;
 * backups that were cut, changed or made by somebody else; a database that is written to meanwhile.
 * Would break: a file left out, a path that leads out of the home, a restore over a home that is there.
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

/** A home with a database, keys, a practice chain, models and logs; and its requester's. */
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

test('any files go through the archive byte for byte', async () => {
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

test('a home comes back without models and logs, for its owner only, and other programs can read the file', async () => {
  const paths = makeHome();
  const { files, holdsPracticePassphrase } = await backUpHome(paths, out, parts);
  assert.equal(holdsPracticePassphrase, true);
  assert.equal(statSync(out).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder).sort(), ['backup.tar.gz', 'home'], 'nothing unfinished is left');
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

test('a database that is open and written to is copied as it was at one moment', async () => {
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

test('books and practice chain are of one moment: when the chain moved on, both are copied again', async () => {
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

test('neither a file nor a home that is there is written over', async () => {
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

test('a backup that was cut or changed anywhere restores nothing', async () => {
  await backUpHome(makeHome(), out, parts);
  const whole = readFileSync(out);
  const damaged = join(folder, 'damaged.tar.gz');
  const back = join(folder, 'back');
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 30), fc.boolean(), async (place, cut) => {
      const bytes = cut ? whole.subarray(0, place) : Buffer.from(whole);
      // The gzip header's own fields (time, system) carry nothing of the content.
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

test('files that no backup of ours holds are refused, wherever they would go', async () => {
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
