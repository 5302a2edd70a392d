/**
 * Goal: what NVIDIA's library says arrives as readings, other programs' share without ours, and what it does not
 * say as null. Method: a stand-in for the library, compiled here and loaded by the real addon. What would break:
 * a wrong layout of a structure, an error code read as a figure, our own load taken for the owner's, a search each
 * second for what is not there.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createNvmlSensor } from '../../../main/adapters/native/index.ts';
import { type Card, loadNative, type Native } from '../../../native/index.ts';
import { buildNative } from '../../../scripts/lib/native-build.ts';
import { READING_NAMES, readingsSchema } from '../../../shared/readings.ts';

const NOW_MS = 1_800_000_000_000;

describe('NVML', { skip: process.platform !== 'linux' }, () => {
  let folder: string;
  const libraries = { whole: '', silent: '', withoutDriver: '' };

  before(() => {
    const { state, reason } = buildNative();
    assert.notEqual(state, 'missing', reason ?? '');
    folder = mkdtempSync(join(tmpdir(), 'idlewatt-nvml-'));
    const compile = (name: string, ...flags: string[]) => {
      const path = join(folder, `${name}.so`);
      const source = join(import.meta.dirname, 'fake-nvml.c');
      execFileSync('cc', ['-shared', '-fPIC', '-Wall', '-Wextra', '-Werror', ...flags, '-o', path, source]);
      return path;
    };
    libraries.whole = compile('whole');
    libraries.silent = compile('silent', '-DSAYS_NOTHING');
    libraries.withoutDriver = compile('without-driver', '-DNO_DRIVER');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const read = async (library: string, ...ownPids: number[]) => {
    const readings = await createNvmlSensor({ ownPids: () => ownPids, library, now: () => NOW_MS }).read();
    readingsSchema.partial().parse(readings);
    assert.ok(Object.keys(readings).every((name) => READING_NAMES.includes(name as never)));
    return Object.fromEntries(
      Object.entries(readings).map(([name, reading]) => [name, reading?.value ?? null]),
    );
  };

  it('while a process of ours is not known by its id, nobody’s share is told; heat and watts are', async () => {
    const sensor = createNvmlSensor({ ownPids: () => null, library: libraries.whole, now: () => NOW_MS });
    const readings = await sensor.read();
    assert.equal(readings.otherGraphicsPercent, null);
    assert.equal(readings.otherGraphicsMemoryBytes, null);
    assert.equal(readings.graphicsCelsius?.value, 67);
    assert.ok(readings.watts);
  });

  it('gives each card as the library describes it', async () => {
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

  it('counts for others the latest load of each of their programs, and all memory but ours', async () => {
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

  it('does not know the share of others where the driver hides how much is ours', async () => {
    const { otherGraphicsMemoryBytes } = await read(libraries.whole, 400);
    assert.equal(otherGraphicsMemoryBytes, null);
  });

  const NOTHING = {
    otherGraphicsPercent: null,
    otherGraphicsMemoryBytes: null,
    graphicsCelsius: null,
    watts: null,
  };

  it('says null for what a card does not support', async () => {
    const cards = await loadNative().readCards(libraries.silent, 0);
    assert.equal(cards?.length, 2);
    for (const card of cards ?? []) {
      for (const [name, value] of Object.entries(card)) assert.equal(value, null, name);
    }
    assert.deepEqual(await read(libraries.silent, 100), NOTHING);
  });

  it('says null without a driver, without a library, and for a library that is none', async () => {
    assert.deepEqual(await read(libraries.withoutDriver, 100), NOTHING);
    assert.deepEqual(await read(join(folder, 'absent.so'), 100), NOTHING);
    assert.deepEqual(await read(import.meta.filename, 100), NOTHING);
    assert.equal((await read(libraries.whole, 100)).watts, 245.5, 'and answers again afterwards');
  });

  it('searches for a library that is not there once a minute, and asks one that was there at once', async () => {
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
    const look = async (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        await sensor.read();
        nowMs += 1_000;
      }
      return searches;
    };
    assert.equal(await look(60), 1);
    assert.equal(await look(60), 2);
    nowMs -= 86_400_000;
    assert.equal(await look(1), 3, 'a clock that was put back keeps nobody waiting');
    cards = [];
    assert.equal(await look(59), 3);
    assert.equal(await look(5), 8, 'found, and from then on asked each time');
    cards = null;
    assert.equal(await look(3), 10, 'lost: once more at once, then not for a minute');
  });

  it('says null without the native part', async () => {
    const native = loadNative(join(folder, 'absent.node'));
    assert.match(native.missing ?? '', /not compiled/);
    const readings = await createNvmlSensor({ ownPids: () => [], native }).read();
    assert.ok(Object.values(readings).every((reading) => reading === null));
  });

  it('refuses wrong parameters instead of reading foreign memory', () => {
    const { readCards, readInput } = loadNative() as unknown as Record<
      string,
      (...all: unknown[]) => unknown
    >;
    assert.throws(() => readCards?.(), TypeError);
    assert.throws(() => readCards?.('x'.repeat(5_000), 0), TypeError);
    assert.throws(() => readCards?.(null, Number.NaN), TypeError);
    assert.throws(() => readInput?.(7), TypeError);
  });
});
