/**
 * Verifies: from a feed on loopback only the pinned package of a signed, current and newer release is downloaded and
 * installed; everything else is named and leaves nothing behind.
 * Setup: a real HTTP server, real files, a clock that the test sets; the AppImage is a small file.
 * Fails if: a feed or package is accepted that our key doesn't pin, a cut-off download starts over or is forgotten, a
 * failed installation changes the program, or anything is contacted unasked.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
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
import { type TestContext, test } from 'node:test';
import { findInstalledPackage } from '../../../main/adapters/node/index.ts';
import { type OpenPartFile, openPartFile } from '../../../main/core/models/index.ts';
import { createUpdates, feedFolder, type UpdatesOptions } from '../../../main/core/updates/index.ts';
import { makeUpdateKey, publicPart } from '../../../scripts/lib/update-feed.ts';
import { UPDATE_FEED_FILE } from '../../../shared/updates.ts';
import { type ManualClock, manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { DAY_MS, feedWith, KEY, NOW_MS, PACKAGE, startFeedServer } from './feed-server.ts';

const MINUTE_MS = 60_000;
const [FILE] = feedWith().files;
const NAME = FILE?.name ?? '';

async function open(context: TestContext, change: Partial<UpdatesOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-updates-'));
  const server = await startFeedServer();
  await server.publish();
  const image = join(folder, 'Idlewatt.AppImage');
  writeFileSync(image, 'old version');
  chmodSync(image, 0o755);
  const clock = manualClock(NOW_MS);
  const records = createMemoryRecordStore();
  const readyVersions: string[] = [];
  const options: UpdatesOptions = {
    ...{ feed: server.url, keys: [publicPart(KEY)], version: '0.1.0', arch: 'x64' },
    installer: findInstalledPackage({
      platform: 'linux',
      place: '/tmp/.mount_x/resources/app.asar.unpacked/dist/agent/main/agent.js',
      environment: { APPIMAGE: image },
    }),
    folder: join(folder, 'updates'),
    ...{ records, clock, log: createRecordingLog(), fetch, openPart: openPartFile },
    freeBytes: async () => 10 ** 12,
    ...{ isAutomatic: () => true, isMetered: () => false, onChange: () => undefined },
    onReady: (version) => readyVersions.push(version),
    ...change,
  };
  const updates = createUpdates(options);
  context.after(async () => {
    updates.stop();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const install = () => {
    let replacing: Promise<void> = Promise.reject(new Error('nothing was installed'));
    replacing.catch(() => undefined);
    updates.install((replace) => {
      replacing = replace();
    });
    return replacing;
  };
  const left = () => (existsSync(options.folder) ? readdirSync(options.folder) : []);
  return { updates, options, server, clock, image, readyVersions, install, left };
}

test('downloads the pinned package and puts it in the place of the old one, which stays', async (context) => {
  const { updates, image, readyVersions, install, left } = await open(context);
  await updates.check();
  const { finding, version, doing, file, problem } = updates.state();
  assert.deepEqual(
    { finding, version, doing, problem },
    { finding: 'available', version: '9.0.0', doing: 'nothing', problem: null },
  );
  assert.deepEqual(readyVersions, ['9.0.0']);
  assert.equal(readFileSync(file ?? '').equals(PACKAGE), true);
  assert.equal(readFileSync(image, 'utf8'), 'old version', 'nothing is installed unasked');
  await install();
  assert.equal(readFileSync(image).equals(PACKAGE), true);
  assert.equal(statSync(image).mode & 0o777, 0o755);
  assert.equal(readFileSync(`${image}.previous`, 'utf8'), 'old version');
  assert.equal(existsSync(`${image}.new`), false);
  assert.deepEqual(left(), [NAME]);
});

for (const [what, problem, change, key] of [
  ['another key signed', 'wrong-signature', {}, makeUpdateKey('test')],
  ['expired', 'expired', { expiresAtMs: NOW_MS }, KEY],
  [
    'is from the day after tomorrow',
    'clock-wrong',
    { issuedAtMs: NOW_MS + 2 * DAY_MS, expiresAtMs: NOW_MS + 9 * DAY_MS },
    KEY,
  ],
] as const) {
  test(`downloads nothing from a feed that ${what}`, async (context) => {
    const { updates, server, left } = await open(context);
    await server.publish(change, key);
    await updates.check();
    assert.equal(updates.state().problem, problem);
    assert.deepEqual(server.requests, [UPDATE_FEED_FILE]);
    assert.deepEqual(left(), []);
    assert.throws(() => updates.install(() => undefined), { code: 'not-found' });
    await server.publish();
    await updates.check();
    assert.equal(updates.state().finding, 'available', 'a good one counts afterwards');
  });
}

test('refuses a replayed feed after a restart, too, and no feed expires less because the clock was set back', async (context) => {
  const first = await open(context);
  await first.server.publish({ version: '0.1.0', stagedPercent: 50 });
  const old = first.server.files.get(UPDATE_FEED_FILE) ?? '';
  await first.server.publish({ issuedAtMs: NOW_MS - 1 });
  await first.updates.check();
  assert.equal(first.updates.state().version, '9.0.0');
  const again = createUpdates(first.options);
  first.server.files.set(UPDATE_FEED_FILE, old);
  await again.check();
  assert.equal(again.state().problem, 'replayed');
  first.clock.setTimeBy(-100 * DAY_MS);
  await first.server.publish({ issuedAtMs: NOW_MS - 1, expiresAtMs: NOW_MS });
  await again.check();
  assert.equal(again.state().problem, null, 'still valid when it was signed');
  first.clock.setTimeBy(100 * DAY_MS);
  await again.check();
  assert.equal(again.state().problem, 'expired');
});

test('an older or the same version is no update', async (context) => {
  const { updates, server } = await open(context, { version: '9.0.1' });
  await updates.check();
  assert.equal(updates.state().finding, 'current');
  assert.deepEqual(server.requests, [UPDATE_FEED_FILE]);
});

test('leaves nothing of a file that isn’t the pinned one, and never installs one that changed later', async (context) => {
  const { updates, server, clock, image, install, left } = await open(context);
  const forged = Buffer.from(PACKAGE);
  forged[1000] = 0;
  server.files.set(NAME, forged);
  await updates.check();
  assert.equal(updates.state().problem, 'wrong-file');
  assert.deepEqual(left(), []);
  for (const other of [Buffer.concat([PACKAGE, forged]), PACKAGE.subarray(1)]) {
    server.files.set(NAME, other);
    await whileTimePasses(clock, updates.check());
    assert.notEqual(updates.state().problem, null);
    assert.equal(updates.state().file, null);
  }
  server.files.set(NAME, PACKAGE);
  await updates.check();
  const { file } = updates.state();
  writeFileSync(file ?? '', forged);
  await assert.rejects(install(), { code: 'checksum-mismatch' });
  assert.equal(updates.state().problem, 'wrong-file');
  assert.equal(updates.state().file, null);
  assert.equal(readFileSync(image, 'utf8'), 'old version');
  assert.deepEqual(readdirSync(join(image, '..')).sort(), ['Idlewatt.AppImage', 'updates']);
  await updates.check();
  await install();
  assert.equal(readFileSync(image).equals(PACKAGE), true, 'the next check repairs it');
});

test('resumes a download that was cut off, in this run and in the next one', async (context) => {
  const { updates, options, server, clock, left } = await open(context);
  server.cuts = 1;
  let checking = updates.check();
  const half = PACKAGE.length / 2;
  const received = () => statSync(join(options.folder, `${NAME}.part`), { throwIfNoEntry: false })?.size;
  await untilTrue(() => received() === half);
  // The agent ends while it waits to try again.
  updates.stop();
  clock.advance(MINUTE_MS);
  await checking;
  assert.deepEqual(left(), [`${NAME}.part`]);
  const next = createUpdates(options);
  checking = next.check();
  await checking;
  assert.equal(next.state().finding, 'available');
  assert.deepEqual(left(), [NAME]);
  assert.deepEqual(
    server.requests.filter((name) => name.startsWith(NAME)),
    [NAME, `${NAME} bytes=${half}-`],
  );
});

test('names a full disk, before and during the download, and continues when there is room', async (context) => {
  let [freeBytes, room] = [1_000, 100_000];
  const openPart: OpenPartFile = async (path, mode) => {
    const part = await openPartFile(path, mode);
    return {
      close: part.close,
      async write(chunk) {
        room -= chunk.length;
        if (room < 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
        await part.write(chunk);
      },
    };
  };
  const { updates, server } = await open(context, { freeBytes: async () => freeBytes, openPart });
  await updates.check();
  assert.equal(updates.state().problem, 'disk-full');
  assert.deepEqual(server.requests, [UPDATE_FEED_FILE], 'nothing was downloaded');
  freeBytes = 10 ** 12;
  await updates.check();
  assert.equal(updates.state().problem, 'disk-full');
  assert.equal(updates.state().file, null);
  room = 10 ** 9;
  await updates.check();
  assert.equal(updates.state().problem, null);
  assert.notEqual(updates.state().file, null);
});

test('a program that can’t be replaced stays, and the state says so', async (context) => {
  const { updates, image, install } = await open(context);
  await updates.check();
  mkdirSync(`${image}.previous/x`, { recursive: true });
  await assert.rejects(install());
  assert.equal(updates.state().problem, 'not-installed');
  assert.equal(readFileSync(image, 'utf8'), 'old version');
  assert.equal(existsSync(`${image}.new`), false);
});

test('outside of the staged share nothing is downloaded unasked; a withdrawn version isn’t at all', async (context) => {
  const { updates, server, clock } = await open(context);
  updates.start();
  await server.publish({ stagedPercent: 0 });
  clock.advance(5 * MINUTE_MS);
  await untilTrue(() => updates.state().finding === 'staged');
  await updates.check();
  assert.equal(updates.state().finding, 'staged');
  assert.deepEqual(new Set(server.requests), new Set([UPDATE_FEED_FILE]));
  await server.publish({ stagedPercent: 1, issuedAtMs: NOW_MS });
  await updates.check();
  assert.equal(updates.state().finding, 'available', 'the owner asked');
  await server.publish({ stagedPercent: 0, issuedAtMs: NOW_MS });
  await updates.check();
  assert.throws(
    () => updates.install(() => undefined),
    { code: 'not-found' },
    'withdrawn after its download',
  );
});

test('checks after some minutes and daily, again after an hour if that failed, and only if the owner wants it', async (context) => {
  let isOn = false;
  const { updates, server, clock, readyVersions } = await open(context, {
    isAutomatic: () => isOn,
    isMetered: () => true,
  });
  updates.start();
  clock.advance(DAY_MS);
  clock.advance(5 * MINUTE_MS);
  assert.deepEqual(server.requests, []);
  isOn = true;
  server.files.delete(UPDATE_FEED_FILE);
  clock.advance(DAY_MS);
  await untilTrue(() => updates.state().problem === 'unreachable');
  assert.match(updates.state().reason ?? '', /status 404/);
  await server.publish();
  // The failed run ends before it plans the next one.
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(60 * MINUTE_MS);
  await untilTrue(() => updates.state().finding === 'available' && updates.state().doing === 'nothing');
  assert.equal(updates.state().file, null, 'the connection is metered');
  assert.deepEqual(new Set(server.requests), new Set([UPDATE_FEED_FILE]));
  await updates.check();
  assert.deepEqual(readyVersions, ['9.0.0']);
});

test('contacts nothing without an address or a key, and no address without encryption beyond this machine', async (context) => {
  for (const change of [{ feed: null }, { keys: [] }, { feed: 'http://idlewatt.example/' }]) {
    const { updates, clock } = await open(context, { ...change, fetch: () => assert.fail('contacted') });
    updates.start();
    clock.advance(2 * DAY_MS);
    await assert.rejects(updates.check(), { code: 'unsupported' });
    assert.equal(updates.state().feed, null);
  }
  assert.equal(feedFolder('https://idlewatt.example/a')?.href, 'https://idlewatt.example/a/');
  for (const bad of ['https://user@idlewatt.example/', 'https://idlewatt.example/?a', 'file:///tmp/', 'x']) {
    assert.equal(feedFolder(bad), null);
  }
});

test('finds out what installed the program', () => {
  const packed = '/opt/Idlewatt/resources/app.asar.unpacked/dist/agent/main/agent.js';
  const kind = (platform: NodeJS.Platform, place: string, found: string[] = [], image?: string) =>
    findInstalledPackage({
      platform,
      place,
      environment: { APPIMAGE: image },
      exists: (path) => found.includes(path),
    }).kind;
  const list = '/var/lib/dpkg/info/idlewatt.list';
  assert.equal(kind('linux', packed, [list]), 'deb');
  assert.equal(kind('linux', packed), 'rpm');
  assert.equal(
    kind('linux', '/tmp/.mount_a/resources/app.asar.unpacked/x.js', ['/a.AppImage'], '/a.AppImage'),
    'appimage',
  );
  assert.equal(
    kind('linux', '/home/ada/idlewatt/main/agent.js', [list, '/a.AppImage'], '/a.AppImage'),
    null,
    'a checkout',
  );
  assert.equal(kind('win32', 'C:\\Idlewatt\\resources\\app.asar.unpacked\\x.js'), 'nsis');
  assert.equal(kind('darwin', '/Applications/Idlewatt.app/Contents/Resources/app.asar.unpacked/x.js'), 'dmg');
});

/** A source that sends too little is asked again after some seconds. */
async function whileTimePasses(clock: ManualClock, work: Promise<void>): Promise<void> {
  let isOver = false;
  void work.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    clock.advance(1_000);
  }
}

async function untilTrue(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}
