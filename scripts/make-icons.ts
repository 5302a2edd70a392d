/**
 * Draws the app's icon and the tray's icons into resources/icons: shapes as formulas, pixels by counting.
 * Run by hand (`node scripts/make-icons.ts`) when a shape changes; the pictures are kept in the repository.
 *
 * In the tray the shape alone tells the state: bolt, hollow bolt, clock, two bars, three dots, exclamation mark.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { REPOSITORY } from './places.ts';

/** Whether a point of the unit square (y downwards) belongs to the shape. */
type Shape = (x: number, y: number) => boolean;
type Colour = readonly [red: number, green: number, blue: number];

/** Samples per pixel and direction. */
const SAMPLES = 6;
const TEAL: Colour = [0x0d, 0x6e, 0x63];
const GREY: Colour = [0x5a, 0x66, 0x63];
const AMBER: Colour = [0x8a, 0x5a, 0x00];
const RED: Colour = [0xa8, 0x2a, 0x2a];
const WHITE: Colour = [0xff, 0xff, 0xff];

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
  (centreX: number, centreY: number, radius: number): Shape =>
  (x, y) =>
    Math.hypot(x - centreX, y - centreY) <= radius;
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
/** The bolt drawn smaller around its own middle: what is left between the two is a line. */
const innerBolt: Shape = (x, y) => bolt(0.5 + (x - 0.5) / 0.56, 0.5 + (y - 0.5) / 0.62);

const ICONS: Readonly<
  Record<string, { ground: Shape; colour: Colour; mark: Shape; sizes: readonly number[] }>
> = {
  icon: { ground: rounded(0.25), colour: TEAL, mark: bolt, sizes: [512] },
  'tray-earning': { ground: rounded(0.25), colour: TEAL, mark: bolt, sizes: [22, 44] },
  'tray-ready': { ground: rounded(0.25), colour: TEAL, mark: without(bolt, innerBolt), sizes: [22, 44] },
  'tray-waiting': {
    ground: disc(0.5, 0.5, 0.5),
    colour: GREY,
    mark: either(
      without(disc(0.5, 0.5, 0.36), disc(0.5, 0.5, 0.27)),
      box(0.455, 0.27, 0.545, 0.54),
      box(0.455, 0.455, 0.69, 0.545),
    ),
    sizes: [22, 44],
  },
  'tray-paused': {
    ground: rounded(0.25),
    colour: AMBER,
    mark: either(box(0.28, 0.23, 0.42, 0.77), box(0.58, 0.23, 0.72, 0.77)),
    sizes: [22, 44],
  },
  'tray-starting': {
    ground: disc(0.5, 0.5, 0.5),
    colour: GREY,
    mark: either(disc(0.25, 0.5, 0.09), disc(0.5, 0.5, 0.09), disc(0.75, 0.5, 0.09)),
    sizes: [22, 44],
  },
  'tray-stopped': {
    ground: polygon([
      [0.5, 0.03],
      [1, 0.95],
      [0, 0.95],
    ]),
    colour: RED,
    mark: either(box(0.44, 0.36, 0.56, 0.66), disc(0.5, 0.79, 0.07)),
    sizes: [22, 44],
  },
};

function draw(icon: { ground: Shape; colour: Colour; mark: Shape }, size: number): Buffer {
  const rows = Buffer.alloc(size * (1 + size * 4)); // each row begins with its filter: 0, none
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
      icon.colour.forEach((value, channel) => {
        rows[at + channel] = Math.round(value + ((WHITE[channel] ?? 0) - value) * share);
      });
      rows[at + 3] = Math.round((255 * ground) / SAMPLES ** 2);
    }
  }
  return rows;
}

/** PNG (ISO 15948): 8 bits a channel with alpha, one data chunk. */
export function encodePng(rows: Buffer, width: number, height: number, channels: 3 | 4): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, channels === 4 ? 6 : 2], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

if (import.meta.main) {
  const folder = join(REPOSITORY, 'resources/icons');
  mkdirSync(folder, { recursive: true });
  for (const [name, icon] of Object.entries(ICONS)) {
    icon.sizes.forEach((size, index) => {
      // Electron takes `@2x` by itself where the screen is dense.
      const file = `${name}${index === 0 ? '' : '@2x'}.png`;
      writeFileSync(join(folder, file), encodePng(draw(icon, size), size, size, 4));
    });
  }
}
