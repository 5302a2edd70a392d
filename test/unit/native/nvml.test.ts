/**
 * Verifies: what NVIDIA's library reports arrives as readings, other programs' part without ours, and missing values as
 * null.
 * Setup: a fake of the library, compiled here and loaded by the real addon.
 * Fails if: the layout of a structure is wrong, an error code is read as a figure, our own load counts as the owner's, or
 * a missing library is searched for every second.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createNvmlSensor } from '../../../main/adapters/native/index.ts';
import { type Card, loadNative, type Native } from '../../../native/index.ts';
import { buildNative } from '../../../scripts/lib/native-build.ts';
import { READING_NAMES, readingsSchema } from '../../../shared/readings.ts';

const NOW_MS = 1_800_000_000_000;

const LINUX = { skip: process.platform !== 'linux' };
const NOTHING = {
  otherGraphicsPercent: null,
  otherGraphicsMemoryBytes: null,
  graphicsCelsius: null,
  watts: null,
};

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-nvml-'));
const libraries = { whole: '', silent: '', withoutDriver: '' };

before(() => {
  if (LINUX.skip) return;
  const { state, reason } = buildNative();
  assert.notEqual(state, 'missing', reason ?? '');
  libraries.whole = compile('whole');
  libraries.silent = compile('silent', '-DREPORTS_NOTHING');
  libraries.withoutDriver = compile('without-driver', '-DNO_DRIVER');
});
after(() => rmSync(folder, { recursive: true, force: true }));

function compile(name: string, ...flags: string[]): string {
  const path = join(folder, `${name}.so`);
  const source = join(import.meta.dirname, 'fake-nvml.c');
  execFileSync('cc', ['-shared', '-fPIC', '-Wall', '-Wextra', '-Werror', ...flags, '-o', path, source]);
  return path;
}

async function read(library: string, ...ownPids: number[]) {
  const readings = await createNvmlSensor({ ownPids: () => ownPids, library, now: () => NOW_MS }).read();
  readingsSchema.partial().parse(readings);
  assert.ok(Object.keys(readings).every((name) => READING_NAMES.includes(name as never)));
  return Object.fromEntries(
    Object.entries(readings).map(([name, reading]) => [name, reading?.value ?? null]),
  );
}

test(
  'while one of our process IDs is unknown, reports no part of others, but heat and power',
  LINUX,
  async () => {
    const sensor = createNvmlSensor({ ownPids: () => null, library: libraries.whole, now: () => NOW_MS });
    const readings = await sensor.read();
    assert.equal(readings.otherGraphicsPercent, null);
    assert.equal(readings.otherGraphicsMemoryBytes, null);
    assert.equal(readings.graphicsCelsius?.value, 67);
    assert.ok(readings.watts);
  },
);

test('returns each GPU as the library describes it', LINUX, async () => {
  const cards = await loadNative().readCards(libraries.whole, 1_000);
  assert.deepEqual(cards, [
    {
      name: 'Test Card 24G',
      uuid: 'GPU-1',
      loadPercent: 90,
      memoryUsedBytes: 9e9,
      memoryTotalBytes: 24e9,
      watts: 215.5,
      celsius: 67,
      holders: [
        { pid: 100, memoryBytes: 6e9 },
        { pid: 300, memoryBytes: 7e8 },
        { pid: 200, memoryBytes: 1.5e9 },
      ],
      samples: [
        { pid: 100, atUs: 901_000, loadPercent: 60 },
        { pid: 200, atUs: 901_000, loadPercent: 25 },
        { pid: 200, atUs: 201_000, loadPercent: 70 },
        { pid: 300, atUs: 201_000, loadPercent: 5 },
      ],
    },
    {
      name: 'Test Card 8G',
      uuid: 'GPU-2',
      loadPercent: 15,
      memoryUsedBytes: 5e8,
      memoryTotalBytes: 8e9,
      watts: 30,
      celsius: 41,
      holders: [{ pid: 400, memoryBytes: null }],
      samples: [],
    },
  ]);
});

test('counts the latest load of each other program, and all memory except ours', LINUX, async () => {
  assert.deepEqual(await read(libraries.whole, 100), {
    otherGraphicsPercent: 30,
    otherGraphicsMemoryBytes: 3e9 + 5e8,
    graphicsCelsius: 67,
    watts: 245.5,
  });
  const withoutOurs = await read(libraries.whole);
  assert.equal(withoutOurs.otherGraphicsPercent, 90);
  assert.equal(withoutOurs.otherGraphicsMemoryBytes, 9.5e9);
});

test('doesn’t report the part of others if the driver hides ours', LINUX, async () => {
  const { otherGraphicsMemoryBytes } = await read(libraries.whole, 400);
  assert.equal(otherGraphicsMemoryBytes, null);
});

test('returns null for what a GPU doesn’t support', LINUX, async () => {
  const cards = await loadNative().readCards(libraries.silent, 0);
  assert.equal(cards?.length, 2);
  for (const card of cards ?? []) {
    for (const [name, value] of Object.entries(card)) assert.equal(value, null, name);
  }
  assert.deepEqual(await read(libraries.silent, 100), NOTHING);
});

test(
  'returns null without a driver, without a library, and for a file that isn’t a library',
  LINUX,
  async () => {
    assert.deepEqual(await read(libraries.withoutDriver, 100), NOTHING);
    assert.deepEqual(await read(join(folder, 'absent.so'), 100), NOTHING);
    assert.deepEqual(await read(import.meta.filename, 100), NOTHING);
    assert.equal((await read(libraries.whole, 100)).watts, 245.5, 'and works again afterwards');
  },
);

test(
  'searches for a missing library once per minute, and retries a lost one immediately',
  LINUX,
  async () => {
    let nowMs = NOW_MS;
    let searches = 0;
    let cards: readonly Card[] | null = null;
    const native: Native = {
      ...loadNative(join(folder, 'absent.node')),
      readCards: async () => {
        searches += 1;
        return cards;
      },
    };
    const sensor = createNvmlSensor({ ownPids: () => [], native, now: () => nowMs });
    const poll = async (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        await sensor.read();
        nowMs += 1_000;
      }
      return searches;
    };
    assert.equal(await poll(60), 1);
    assert.equal(await poll(60), 2);
    nowMs -= 86_400_000;
    assert.equal(await poll(1), 3, 'a clock that was set back causes no delay');
    cards = [];
    assert.equal(await poll(59), 3);
    assert.equal(await poll(5), 8, 'found, and read at each poll from then on');
    cards = null;
    assert.equal(await poll(3), 10, 'lost: one immediate retry, then none for a minute');
  },
);

test('returns null without the native part', LINUX, async () => {
  const native = loadNative(join(folder, 'absent.node'));
  assert.match(native.missing ?? '', /not compiled/);
  const readings = await createNvmlSensor({ ownPids: () => [], native }).read();
  assert.ok(Object.values(readings).every((reading) => reading === null));
});

test('rejects invalid parameters instead of reading other memory', LINUX, () => {
  const { readCards, readInput } = loadNative() as unknown as Record<string, (...all: unknown[]) => unknown>;
  assert.throws(() => readCards?.(), TypeError);
  assert.throws(() => readCards?.('x'.repeat(5_000), 0), TypeError);
  assert.throws(() => readCards?.(null, Number.NaN), TypeError);
  assert.throws(() => readInput?.(7), TypeError);
});
