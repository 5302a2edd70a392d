/**
 * Draws the app icon and the tray icons into resources/icons: shapes are formulas, pixels are counted samples.
 * Run it by hand (`node scripts/generators/make-icons.ts`) when a shape changes; the files are in the repository.
 *
 * In the tray the shape alone shows the state: bolt, hollow bolt, clock, two bars, three dots, exclamation mark. macOS colors
 * the menu bar's icons itself: its images are black, with the mark cut out, and have `Template` in their names.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeIcns, encodeIco } from '../lib/icon-files.ts';
import { REPOSITORY } from '../lib/places.ts';
import { encodePng } from '../lib/png.ts';

/** Returns true if a point of the unit square (y downwards) belongs to the shape. */
type Shape = (x: number, y: number) => boolean;
type Color = readonly [red: number, green: number, blue: number];

/** Samples per pixel and direction. */
const SAMPLES = 6;
/** Of a tray icon on macOS, in pixels; the second is for high-density screens. */
const TEMPLATE_SIZES = [18, 36];
const BLACK: Color = [0, 0, 0];
const TEAL: Color = [0x0d, 0x6e, 0x63];
const GREY: Color = [0x5a, 0x66, 0x63];
const AMBER: Color = [0x8a, 0x5a, 0x00];
const RED: Color = [0xa8, 0x2a, 0x2a];
const WHITE: Color = [0xff, 0xff, 0xff];
/** Sizes of the app icon in pixels, by the systems' rules. */
const LINUX_SIZES = [16, 24, 32, 48, 64, 128, 256, 512];
const WINDOWS_SIZES = [16, 24, 32, 48, 64, 128, 256];
const MACOS_SIZES = [16, 32, 64, 128, 256, 512, 1024];

const BOLT: readonly (readonly [number, number])[] = [
  [0.578, 0.14],
  [0.25, 0.5625],
  [0.444, 0.5625],
  [0.406, 0.86],
  [0.75, 0.425],
  [0.544, 0.425],
];

const polygon =
  (points: readonly (readonly [number, number])[]): Shape =>
  (x, y) => {
    let inside = false;
    points.forEach(([ax, ay], index) => {
      const [bx, by] = points[(index + 1) % points.length] ?? [0, 0];
      if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
    });
    return inside;
  };
const disc =
  (centerX: number, centerY: number, radius: number): Shape =>
  (x, y) =>
    Math.hypot(x - centerX, y - centerY) <= radius;
const box =
  (left: number, top: number, right: number, bottom: number): Shape =>
  (x, y) =>
    x >= left && x <= right && y >= top && y <= bottom;
const rounded =
  (radius: number): Shape =>
  (x, y) =>
    Math.hypot(Math.max(radius - x, 0, x - (1 - radius)), Math.max(radius - y, 0, y - (1 - radius))) <=
    radius;
const either =
  (...shapes: Shape[]): Shape =>
  (x, y) =>
    shapes.some((shape) => shape(x, y));
const without =
  (shape: Shape, hole: Shape): Shape =>
  (x, y) =>
    shape(x, y) && !hole(x, y);

const bolt = polygon(BOLT);
/** The bolt scaled down around its center: the difference between the two is an outline. */
const innerBolt: Shape = (x, y) => bolt(0.5 + (x - 0.5) / 0.56, 0.5 + (y - 0.5) / 0.62);

interface Icon {
  readonly ground: Shape;
  readonly color: Color;
  /** White. */
  readonly mark: Shape;
}

const ICONS: Readonly<Record<string, Icon & { readonly sizes: readonly number[] }>> = {
  icon: { ground: rounded(0.25), color: TEAL, mark: bolt, sizes: [512] },
  'tray-earning': { ground: rounded(0.25), color: TEAL, mark: bolt, sizes: [22, 44] },
  'tray-ready': { ground: rounded(0.25), color: TEAL, mark: without(bolt, innerBolt), sizes: [22, 44] },
  'tray-waiting': {
    ground: disc(0.5, 0.5, 0.5),
    color: GREY,
    mark: either(
      without(disc(0.5, 0.5, 0.36), disc(0.5, 0.5, 0.27)),
      box(0.455, 0.27, 0.545, 0.54),
      box(0.455, 0.455, 0.69, 0.545),
    ),
    sizes: [22, 44],
  },
  'tray-paused': {
    ground: rounded(0.25),
    color: AMBER,
    mark: either(box(0.28, 0.23, 0.42, 0.77), box(0.58, 0.23, 0.72, 0.77)),
    sizes: [22, 44],
  },
  'tray-starting': {
    ground: disc(0.5, 0.5, 0.5),
    color: GREY,
    mark: either(disc(0.25, 0.5, 0.09), disc(0.5, 0.5, 0.09), disc(0.75, 0.5, 0.09)),
    sizes: [22, 44],
  },
  'tray-stopped': {
    ground: polygon([
      [0.5, 0.03],
      [1, 0.95],
      [0, 0.95],
    ]),
    color: RED,
    mark: either(box(0.44, 0.36, 0.56, 0.66), disc(0.5, 0.79, 0.07)),
    sizes: [22, 44],
  },
};

function draw(icon: Icon, size: number): Buffer {
  const rows = Buffer.alloc(size * (1 + size * 4)); // each row begins with its filter type: 0, none
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let ground = 0;
      let mark = 0;
      for (let sample = 0; sample < SAMPLES ** 2; sample++) {
        const x = (column + ((sample % SAMPLES) + 0.5) / SAMPLES) / size;
        const y = (row + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES) / size;
        if (!icon.ground(x, y)) continue;
        ground += 1;
        if (icon.mark(x, y)) mark += 1;
      }
      const at = row * (1 + size * 4) + 1 + column * 4;
      const share = ground === 0 ? 0 : mark / ground;
      icon.color.forEach((value, channel) => {
        rows[at + channel] = Math.round(value + ((WHITE[channel] ?? 0) - value) * share);
      });
      rows[at + 3] = Math.round((255 * ground) / SAMPLES ** 2);
    }
  }
  return rows;
}

/** Writes the app icon as the packages of each system need it. */
function writeAppIcons(folder: string): void {
  const { icon } = ICONS;
  if (!icon) throw new Error('assertion failed: there is an app icon');
  const pngs = new Map<number, Buffer>();
  const imageOf = (size: number) => {
    const png = pngs.get(size) ?? encodePng(draw(icon, size), size, size, 4);
    pngs.set(size, png);
    return { size, png };
  };
  mkdirSync(join(folder, 'linux'), { recursive: true });
  for (const size of LINUX_SIZES)
    writeFileSync(join(folder, 'linux', `${size}x${size}.png`), imageOf(size).png);
  writeFileSync(join(folder, 'icon.ico'), encodeIco(WINDOWS_SIZES.map(imageOf)));
  writeFileSync(join(folder, 'icon.icns'), encodeIcns(MACOS_SIZES.map(imageOf)));
}

/** Electron picks `@2x` automatically on high-density screens. */
function writeSizes(path: string, icon: Icon, sizes: readonly number[]): void {
  sizes.forEach((size, index) => {
    writeFileSync(`${path}${index === 0 ? '' : '@2x'}.png`, encodePng(draw(icon, size), size, size, 4));
  });
}

if (import.meta.main) {
  const folder = join(REPOSITORY, 'resources/icons');
  mkdirSync(folder, { recursive: true });
  for (const [name, icon] of Object.entries(ICONS)) {
    writeSizes(join(folder, name), icon, icon.sizes);
    if (!name.startsWith('tray-')) continue;
    const template = { ground: without(icon.ground, icon.mark), color: BLACK, mark: () => false };
    writeSizes(join(folder, `${name}Template`), template, TEMPLATE_SIZES);
  }
  writeAppIcons(folder);
}
