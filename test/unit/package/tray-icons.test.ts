/**
 * Verifies: each state has an image for macOS's menu bar in both sizes, whose pixels are all black, so that the system can
 *   color it, and whose shape alone differs from every other state's; only packages for macOS contain them.
 * Setup: the files in resources/icons, read with zlib; the rules for the files of a package.
 * Fails if: an image is missing, has a color, is empty or filled, or looks like another state's.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { isOwnIcon } from '../../../scripts/lib/package-contents.ts';
import { REPOSITORY } from '../../../scripts/lib/places.ts';

const STATES = ['earning', 'ready', 'waiting', 'paused', 'starting', 'stopped'];
/** Share of the image's area that a recognizable shape covers. */
const [COVERED_MIN, COVERED_MAX] = [0.25, 0.95];

/** The pixels of a PNG that scripts/lib/png.ts wrote: four channels, one data chunk, no filters. */
function pixelsOf(name: string): { size: number; colors: readonly number[]; alpha: readonly number[] } {
  const file = readFileSync(join(REPOSITORY, 'resources/icons', name));
  const size = file.readUInt32BE(16);
  const dataAt = file.indexOf('IDAT') + 4;
  const rows = inflateSync(file.subarray(dataAt, dataAt + file.readUInt32BE(dataAt - 8)));
  const bytes = Array.from({ length: size }, (_, row) =>
    rows.subarray(row * (1 + size * 4) + 1, (row + 1) * (1 + size * 4)),
  ).flatMap((row) => [...row]);
  return {
    size,
    colors: bytes.filter((_, index) => index % 4 !== 3),
    alpha: bytes.filter((_, index) => index % 4 === 3),
  };
}

test('the images are black, of both sizes, and differ by shape alone', () => {
  for (const [suffix, size] of [
    ['', 18],
    ['@2x', 36],
  ] as const) {
    const shapes = STATES.map((state) => {
      const pixels = pixelsOf(`tray-${state}Template${suffix}.png`);
      assert.equal(pixels.size, size);
      assert.ok(pixels.colors.every((value) => value === 0));
      const covered = pixels.alpha.reduce((sum, value) => sum + value / 255, 0) / size ** 2;
      assert.ok(covered > COVERED_MIN && covered < COVERED_MAX, `${state}: ${covered}`);
      return pixels.alpha.join();
    });
    assert.equal(new Set(shapes).size, STATES.length);
  }
});

test('a package has the images of its own system only', () => {
  const names = [
    'tray-ready.png',
    'tray-ready@2x.png',
    'tray-readyTemplate.png',
    'tray-readyTemplate@2x.png',
  ];
  const kept = (platform: 'darwin' | 'linux' | 'win32') =>
    names.filter((name) => isOwnIcon(`resources/icons/${name}`, { platform, arch: 'x64' }));
  assert.deepEqual(kept('darwin'), names.slice(2));
  assert.deepEqual(kept('win32'), names.slice(0, 2));
  assert.deepEqual(kept('linux'), names.slice(0, 2));
});
