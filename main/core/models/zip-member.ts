/** Streams one member of a zip file (PKWARE APPNOTE 6.3, without zip64). Python wheels are zip files. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';

const END_SIGNATURE = 0x06054b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const COMMENT_BYTES_MAX = 0xffff;
const DIRECTORY_BYTES_MAX = 64 * 1024 * 1024;

export interface ZipMember {
  readonly sizeBytes: number;
  readonly content: Readable;
}

/** Fails if the file is not a zip file or has no such member. */
export async function openZipMember(path: string, name: string): Promise<ZipMember> {
  const file = await open(path);
  try {
    const { offset, compressedBytes, sizeBytes, method } = await findMember(file, name);
    const local = await readAt(file, offset, LOCAL_BYTES);
    if (local.readUInt32LE(0) !== LOCAL_SIGNATURE) throw new Error('the zip file is damaged');
    const start = offset + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28);
    const stored = createReadStream(path, { start, end: start + compressedBytes - 1 });
    if (method === 0) return { sizeBytes, content: stored };
    if (method !== 8) throw new Error(`the zip member uses compression method ${method}`);
    const inflated = createInflateRaw();
    stored.on('error', (error) => inflated.destroy(error));
    return { sizeBytes, content: stored.pipe(inflated) };
  } finally {
    await file.close();
  }
}

async function findMember(file: FileHandle, name: string) {
  const { size } = await file.stat();
  const tailBytes = Math.min(size, END_BYTES + COMMENT_BYTES_MAX);
  const tail = await readAt(file, size - tailBytes, tailBytes);
  let end = tail.length - END_BYTES;
  while (end >= 0 && tail.readUInt32LE(end) !== END_SIGNATURE) end -= 1;
  if (end < 0) throw new Error('not a zip file');
  const directoryBytes = tail.readUInt32LE(end + 12);
  if (directoryBytes > DIRECTORY_BYTES_MAX) throw new Error('the zip directory is too large');
  const directory = await readAt(file, tail.readUInt32LE(end + 16), directoryBytes);
  let at = 0;
  while (at + CENTRAL_BYTES <= directory.length && directory.readUInt32LE(at) === CENTRAL_SIGNATURE) {
    const nameBytes = directory.readUInt16LE(at + 28);
    const next =
      at + CENTRAL_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    if (directory.toString('utf8', at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes) === name) {
      return {
        method: directory.readUInt16LE(at + 10),
        compressedBytes: directory.readUInt32LE(at + 20),
        sizeBytes: directory.readUInt32LE(at + 24),
        offset: directory.readUInt32LE(at + 42),
      };
    }
    at = next;
  }
  throw new Error(`the zip file has no ${name}`);
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead !== length) throw new Error('the zip file is incomplete');
  return buffer;
}
