/**
 * Verifies: CUDA is fetched only when the owner asks, only as the pinned archives, and used only once it is whole; a download
 *   that was stopped continues; cards and drivers that CUDA doesn't support aren't offered it.
 * Setup: a real HTTP server on loopback with small archives, a real npm package and a real zip, real files.
 * Fails if: something is fetched unasked, an altered archive is unpacked, the engine gets a part of the files, a full disk
 *   isn't named, a download starts over, libraries of another version stay, or the pins aren't those of the engine here.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { create } from 'tar';
import { zipTexts } from '../../../main/adapters/fflate/index.ts';
import { unpackTar } from '../../../main/adapters/tar/index.ts';
import {
  archiveKey,
  createGraphicsLibraries,
  type GraphicsLibraries,
  type GraphicsLibrariesOptions,
  PINNED_CUDA,
  type PinnedArchive,
  supportsCuda,
} from '../../../main/core/graphics-libraries/index.ts';
import { type OpenPartFile, openPartFile } from '../../../main/core/models/index.ts';
import lock from '../../../package-lock.json' with { type: 'json' };
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { startFeedServer } from '../updates/feed-server.ts';

const LIBRARY = 'nvidia/cu13/lib/libcublas.so.13';
const LICENSE = 'nvidia_cublas.dist-info/License.txt';
/** Hardly compresses, so that a half of it is a half of the file. */
const BUILD = randomBytes(200_000).toString('base64');

/** An archive of npm and a wheel. */
async function archives(folder: string): Promise<{ archive: PinnedArchive; content: Buffer }[]> {
  const source = join(folder, 'source');
  const files = { 'package/dist/index.js': 'export {};', 'package/bins/x/libggml-cuda.so': BUILD };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    writeFileSync(join(source, path), text);
  }
  await create({ file: join(folder, 'x.tgz'), gzip: true, cwd: source }, ['package']);
  const wheel = zipTexts(
    [
      { name: LIBRARY, text: 'cublas' },
      { name: LICENSE, text: 'license' },
      { name: 'nvidia/cu13/lib/libnvblas.so.13', text: 'not needed' },
    ],
    Date.UTC(2026, 0, 1),
  );
  const pinned = (name: string, registry: 'npm' | 'pypi', content: Buffer, members: string[] | null) => ({
    archive: {
      ...{ registry, name, version: '1.0.0', bytes: content.length, unpackedBytes: 50_000, members },
      sha512: createHash('sha512').update(content).digest('hex'),
    },
    content,
  });
  return [
    pinned('@node-llama-cpp/linux-x64-cuda', 'npm', readFileSync(join(folder, 'x.tgz')), null),
    pinned('nvidia-cublas', 'pypi', Buffer.from(wheel), [LIBRARY, LICENSE]),
  ];
}

async function open(context: TestContext, change: Partial<GraphicsLibrariesOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-libraries-'));
  const server = await startFeedServer();
  const pinned = await archives(folder);
  for (const { archive, content } of pinned) server.files.set(archiveKey(archive), content);
  const clock = manualClock(0);
  let replaced = 0;
  const options: GraphicsLibrariesOptions = {
    folder: join(folder, 'gpu-libraries'),
    archives: pinned.map(({ archive }) => archive),
    addressOf: (archive) => `${server.url}${archiveKey(archive)}`,
    ...{ clock, log: createRecordingLog(), fetch, openPart: openPartFile, unpackTar },
    freeBytes: async () => 10 ** 12,
    onChange: () => undefined,
    onReplaced() {
      replaced += 1;
    },
    ...change,
  };
  const libraries = createGraphicsLibraries(options);
  context.after(async () => {
    libraries.stop();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return {
    libraries,
    options,
    server,
    clock,
    replaced: () => replaced,
    keys: [...server.files.keys()].slice(-2),
  };
}

async function ended(libraries: GraphicsLibraries): Promise<string> {
  const isRunning = () => /downloading|verifying/.test(libraries.state()?.state ?? '');
  while (isRunning()) await new Promise((resolve) => setTimeout(resolve, 2));
  return libraries.state()?.state ?? 'null';
}

test('fetches nothing unasked, and when asked the pinned archives, of which the engine gets the needed files', async (context) => {
  const { libraries, options, server, replaced, keys } = await open(context);
  assert.deepEqual([libraries.state()?.state, libraries.folders(), server.requests], ['absent', null, []]);
  assert.equal(
    libraries.state()?.downloadBytes,
    options.archives.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  libraries.fetch();
  assert.equal(await ended(libraries), 'ready');
  assert.deepEqual([server.requests, replaced()], [keys, 1]);
  const { packageName, packageFolder, libraries: folders } = libraries.folders() ?? assert.fail();
  assert.equal(packageName, '@node-llama-cpp/linux-x64-cuda');
  assert.equal(readFileSync(join(packageFolder, 'bins/x/libggml-cuda.so'), 'utf8'), BUILD);
  assert.equal(existsSync(join(packageFolder, 'dist/index.js')), true);
  const found = folders.flatMap((folder) => readdirSync(folder));
  assert.deepEqual(found, ['libcublas.so.13', 'License.txt'], 'and not what nothing needs');
  assert.equal(readdirSync(options.folder).length, 1, 'no archive is left');
  libraries.fetch();
  assert.equal(server.requests.length, 2);
  const next = createGraphicsLibraries(options);
  assert.deepEqual(next.folders(), libraries.folders(), 'after a restart');
});

test('unpacks nothing of an archive that isn’t the pinned one', async (context) => {
  const { libraries, options, server, keys } = await open(context);
  const [, wheel] = keys;
  const good = server.files.get(wheel ?? '') ?? assert.fail();
  const forged = Buffer.from(good);
  forged[40] = (forged[40] ?? 0) ^ 1;
  server.files.set(wheel ?? '', forged);
  libraries.fetch();
  assert.equal(await ended(libraries), 'failed');
  assert.match(libraries.state()?.error ?? '', /isn’t the file that was released/);
  assert.equal(libraries.folders(), null);
  assert.equal(createGraphicsLibraries(options).state()?.state, 'absent');
  server.files.set(wheel ?? '', good);
  libraries.fetch();
  assert.equal(await ended(libraries), 'ready');
  assert.deepEqual(server.requests, [...keys, wheel], 'the first one is kept');
});

test('a download that the owner stopped continues from the received part', async (context) => {
  let isHeld = true;
  const { libraries, options, server, keys } = await open(context, {
    // Delivers a half of the first archive, and then nothing until the request is aborted.
    async fetch(input, init) {
      const response = await fetch(input, init);
      if (!isHeld) return response;
      isHeld = false;
      const whole = new Uint8Array(await response.arrayBuffer());
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(whole.subarray(0, Math.floor(whole.length / 2)));
          init?.signal?.addEventListener('abort', () => controller.error(init.signal?.reason));
        },
      });
      return new Response(body, { headers: response.headers });
    },
  });
  const [build = '', wheel] = keys;
  const half = Math.floor((server.files.get(build)?.length ?? 0) / 2);
  libraries.fetch();
  const part = () => {
    const [stage] = existsSync(options.folder) ? readdirSync(options.folder) : [];
    return join(options.folder, stage ?? '', '0.download', `${build}.part`);
  };
  while (!existsSync(part()) || readFileSync(part()).length < half)
    await new Promise((resolve) => setTimeout(resolve, 2));
  libraries.cancel();
  assert.equal(await ended(libraries), 'absent');
  assert.equal(libraries.folders(), null);
  const next = createGraphicsLibraries(options);
  next.fetch();
  assert.equal(next.state()?.progress?.receivedBytes, half);
  assert.equal(await ended(next), 'ready');
  assert.deepEqual(server.requests, [build, `${build} bytes=${half}-`, wheel]);
});

test('names a full disk, before and during the download, and continues when there is room', async (context) => {
  let [freeBytes, room] = [1_000, 20];
  const openPart: OpenPartFile = async (path, mode) => {
    const part = await openPartFile(path, mode);
    const isLibrary = path.endsWith('libcublas.so.13');
    return {
      close: part.close,
      async write(chunk) {
        if (isLibrary) room -= chunk.length;
        if (room < 20 - 5) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
        await part.write(chunk);
      },
    };
  };
  const { libraries, server } = await open(context, { freeBytes: async () => freeBytes, openPart });
  libraries.fetch();
  assert.equal(await ended(libraries), 'failed');
  assert.match(libraries.state()?.error ?? '', /enough free disk space: 1\d\d MB are needed/);
  assert.deepEqual(server.requests, []);
  freeBytes = 10 ** 12;
  libraries.fetch();
  assert.equal(await ended(libraries), 'failed');
  assert.match(libraries.state()?.error ?? '', /The disk is full/);
  assert.equal(libraries.folders(), null, 'the file that was begun isn’t used');
  room = 10 ** 9;
  libraries.fetch();
  assert.equal(await ended(libraries), 'ready');
  const [runtime] = libraries.folders()?.libraries ?? [];
  assert.equal(readFileSync(join(runtime ?? '', 'libcublas.so.13'), 'utf8'), 'cublas');
});

test('removes the libraries when the owner wants that, and those of other versions at the start', async (context) => {
  const { libraries, options, replaced } = await open(context);
  libraries.fetch();
  await ended(libraries);
  await libraries.remove();
  assert.deepEqual([libraries.state()?.state, libraries.folders(), replaced()], ['absent', null, 2]);
  assert.deepEqual(readdirSync(options.folder), []);
  libraries.fetch();
  await ended(libraries);
  const [first, ...others] = options.archives;
  const archives = [{ ...(first ?? assert.fail()), sha512: '0'.repeat(128) }, ...others];
  assert.equal(createGraphicsLibraries({ ...options, archives }).state()?.state, 'absent');
  while (readdirSync(options.folder).length > 0) await new Promise((resolve) => setTimeout(resolve, 2));
});

test('libraries whose removal was cut off aren’t used at the next start, and are fetched again', async (context) => {
  let atPowerCut: (() => void) | null = null;
  const { libraries, options } = await open(context, { onReplaced: () => atPowerCut?.() });
  libraries.fetch();
  await ended(libraries);
  const [runtime] = libraries.folders()?.libraries ?? [];
  const before = readdirSync(options.folder);
  const folder = join(options.folder, before[0] ?? '');
  const copy = `${options.folder}-copy`;
  atPowerCut = () => cpSync(folder, copy, { recursive: true });
  await libraries.remove();
  renameSync(copy, folder);

  const next = createGraphicsLibraries(options);
  assert.deepEqual([next.state()?.state, next.folders()], ['absent', null]);
  next.fetch();
  assert.equal(await ended(next), 'ready');
  assert.equal(readFileSync(join(runtime ?? '', 'libcublas.so.13'), 'utf8'), 'cublas');
  assert.deepEqual(readdirSync(options.folder), before, 'nothing else is left');
});

test('a download that is asked for while the libraries are removed begins after that', async (context) => {
  let askAgain: (() => void) | null = null;
  const leftAtBegin: number[] = [];
  const { libraries, options } = await open(context, {
    onReplaced: () => askAgain?.(),
    freeBytes: async (folder) => {
      if (basename(folder) === 'gpu-libraries') leftAtBegin.push(readdirSync(folder).length);
      return 10 ** 12;
    },
  });
  libraries.fetch();
  await ended(libraries);
  askAgain = () => {
    askAgain = null;
    libraries.fetch();
  };
  await libraries.remove();
  while (libraries.state()?.state === 'absent') await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(await ended(libraries), 'ready');
  assert.deepEqual(leftAtBegin, [0, 0]);
  assert.equal(createGraphicsLibraries(options).state()?.state, 'ready');
});

test('a copy that doesn’t know where all archives are offers nothing', async (context) => {
  const { libraries } = await open(context, {
    addressOf: ({ registry }) => (registry === 'npm' ? 'http://127.0.0.1:1/' : null),
    fetch: () => assert.fail('contacted'),
  });
  assert.equal(libraries.state(), null);
  assert.throws(() => libraries.fetch(), { code: 'unsupported' });
});

test('CUDA is for cards since Turing whose driver has it, by the drivers’ own numbers and those of Windows', () => {
  const card = (name: string, driver: string | null = null) => supportsCuda({ kind: 'gpu', name, driver });
  for (const name of [
    'NVIDIA Corporation GeForce RTX 4070',
    'NVIDIA GeForce GTX 1660 Ti',
    'Quadro RTX 4000',
    'NVIDIA TITAN RTX',
    'Tesla T4',
    'NVIDIA A100-SXM4-80GB',
    'NVIDIA H200',
    'NVIDIA L40S',
  ]) {
    assert.equal(card(name), true, name);
  }
  for (const name of [
    'NVIDIA GeForce GTX 1080 Ti',
    'NVIDIA TITAN V',
    'Quadro P2000',
    'Tesla V100',
    'AMD Radeon RX 7800 XT',
    'Intel Arc A770',
  ]) {
    assert.equal(card(name), false, name);
  }
  const drivers = ['580.95.05', '595.12', '32.0.15.8095', '576.02', '32.0.15.7602', 'unknown'];
  assert.deepEqual(
    drivers.map((driver) => card('NVIDIA GeForce RTX 3060', driver)),
    [true, true, true, false, false, true],
  );
  assert.equal(supportsCuda({ kind: 'cpu', name: 'NVIDIA RTX', driver: null }), false);
});

test('the pins are complete, and the build is the one of the engine here', () => {
  const packages: Record<string, { readonly version?: string; readonly integrity?: string }> = lock.packages;
  for (const [system, pinned] of Object.entries(PINNED_CUDA)) {
    for (const { bytes, unpackedBytes, sha512, members } of pinned) {
      assert.ok(bytes > 0 && unpackedBytes > bytes / 10, system);
      assert.match(sha512, /^[0-9a-f]{128}$/);
      assert.notEqual(members?.length, 0);
    }
    const build = pinned.find(({ registry }) => registry === 'npm') ?? assert.fail();
    const { version, integrity } = packages[`node_modules/${build.name}`] ?? assert.fail(build.name);
    assert.equal(build.version, version);
    assert.equal(`sha512-${Buffer.from(build.sha512, 'hex').toString('base64')}`, integrity);
  }
});
