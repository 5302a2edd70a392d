/** Writes the icon containers of Windows (ICO) and macOS (ICNS); each image in them is a PNG file. */

export interface IconImage {
  /** Width and height, in pixels. */
  readonly size: number;
  readonly png: Buffer;
}

const ICO_HEADER_BYTES = 6;
const ICO_ENTRY_BYTES = 16;
const ICNS_HEADER_BYTES = 8;

/** Types of ICNS by their pixels; the second of a size is that of half the points on a high-density screen. */
const ICNS_TYPES: ReadonlyMap<number, readonly string[]> = new Map([
  [16, ['icp4']],
  [32, ['icp5', 'ic11']],
  [64, ['icp6', 'ic12']],
  [128, ['ic07']],
  [256, ['ic08', 'ic13']],
  [512, ['ic09', 'ic14']],
  [1024, ['ic10']],
]);

/** Images of at most 256 pixels. */
export function encodeIco(images: readonly IconImage[]): Buffer {
  const header = Buffer.alloc(ICO_HEADER_BYTES + images.length * ICO_ENTRY_BYTES);
  header.writeUInt16LE(1, 2); // an icon, not a cursor
  header.writeUInt16LE(images.length, 4);
  let offset = header.length;
  images.forEach(({ size, png }, index) => {
    const at = ICO_HEADER_BYTES + index * ICO_ENTRY_BYTES;
    header.writeUInt8(size % 256, at); // 0 is 256
    header.writeUInt8(size % 256, at + 1);
    header.writeUInt16LE(1, at + 4); // planes
    header.writeUInt16LE(32, at + 6); // bits per pixel
    header.writeUInt32LE(png.length, at + 8);
    header.writeUInt32LE(offset, at + 12);
    offset += png.length;
  });
  return Buffer.concat([header, ...images.map(({ png }) => png)]);
}

/** Images of a size that the format lacks are left out. */
export function encodeIcns(images: readonly IconImage[]): Buffer {
  const parts = images.flatMap(({ size, png }) =>
    (ICNS_TYPES.get(size) ?? []).map((type) => Buffer.concat([icnsHeader(type, png.length), png])),
  );
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([icnsHeader('icns', length), ...parts]);
}

function icnsHeader(type: string, contentBytes: number): Buffer {
  const header = Buffer.alloc(ICNS_HEADER_BYTES);
  header.write(type, 'latin1');
  header.writeUInt32BE(ICNS_HEADER_BYTES + contentBytes, 4);
  return header;
}
