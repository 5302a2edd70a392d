/**
 * Reads and writes archives in POSIX tar (ustar) and gzip, which every system can open without Idlewatt. Supports
 * what a backup needs: regular files with names of at most 100 bytes. Streams, so that files of any size fit.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { AppError } from '../../../shared/errors.ts';
import { damagedBackup } from './damaged-backup.ts';

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;

export interface ArchivedFile {
  readonly name: string;
  /** Absolute path, or the content itself. */
  readonly from: string | { readonly content: Buffer };
}

/** A file as it was found in an archive, or written to one. */
export interface FoundFile {
  readonly name: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/**
 * Writes the files, in order, to a new file that only its owner can read. `last` is called with the sizes and
 * checksums of all others and returns the last file.
 */
export async function writeArchive(
  path: string,
  files: readonly ArchivedFile[],
  last: (written: readonly FoundFile[]) => ArchivedFile,
): Promise<void> {
  const written: FoundFile[] = [];
  async function* blocks(): AsyncGenerator<Buffer> {
    for (const file of files) written.push(yield* blocksOf(file));
    yield* blocksOf(last(written));
    yield Buffer.alloc(2 * BLOCK_BYTES);
  }
  await pipeline(
    blocks,
    createGzip({ level: 6 }),
    createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }),
  );
}

async function* blocksOf({ name, from }: ArchivedFile): AsyncGenerator<Buffer, FoundFile> {
  const bytes = typeof from === 'string' ? statSync(from).size : from.content.length;
  yield header(name, bytes);
  const hash = createHash('sha256');
  let seen = 0;
  const content = typeof from === 'string' ? createReadStream(from) : [from.content];
  for await (const piece of content as AsyncIterable<Buffer>) {
    seen += piece.length;
    hash.update(piece);
    yield piece;
  }
  if (seen !== bytes) throw new AppError('busy', `${name} changed while it was copied. Try again.`);
  yield Buffer.alloc(padding(bytes));
  return { name, bytes, sha256: hash.digest('hex') };
}

function padding(bytes: number): number {
  return (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

function header(name: string, bytes: number): Buffer {
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) throw new Error(`too long for an archive: ${name}`);
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(name, 0);
  block.write(octal(0o600, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(bytes, 11), 124);
  block.write(octal(Math.floor(Date.now() / 1000), 11), 136);
  block.write('        ', 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/**
 * Passes each file to `take` as a stream that must be read to its end. Fails with `checksum-mismatch` for
 * a file that isn't an archive, is cut short, or contains anything but regular files.
 */
export async function readArchive(
  path: string,
  take: (name: string, content: Readable) => Promise<void>,
): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  const file = createReadStream(path);
  const source = file.pipe(createGunzip());
  // A pipe doesn't pass on that its beginning failed.
  file.once('error', (error) => source.destroy(error));
  const reader = new BlockReader(source[Symbol.asyncIterator]() as AsyncIterator<Buffer>);
  try {
    for (;;) {
      const block = await reader.take(BLOCK_BYTES);
      if (block.every((byte) => byte === 0)) return found;
      const { name, bytes } = parseHeader(block);
      const content = new PassThrough();
      const taken = take(name, content);
      // Its rejection is awaited below; until then the rest of the file has to flow.
      taken.catch(() => content.resume());
      const sha256 = await reader.copy(bytes, content);
      await taken;
      await reader.take(padding(bytes));
      found.push({ name, bytes, sha256 });
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (cause instanceof Error && 'code' in cause && String(cause.code).startsWith('Z_')) {
      throw damagedBackup(cause);
    }
    throw cause;
  } finally {
    file.destroy();
    source.destroy();
  }
}

/** Reads exact numbers of bytes from a stream that delivers pieces of any length. */
class BlockReader {
  readonly #pieces: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(pieces: AsyncIterator<Buffer>) {
    this.#pieces = pieces;
  }

  async take(bytes: number): Promise<Buffer> {
    while (this.#rest.length < bytes) await this.#readMore();
    const taken = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return taken;
  }

  /** Copies this many bytes, ends the stream and returns their SHA-256 in hex. */
  async copy(bytes: number, to: PassThrough): Promise<string> {
    const hash = createHash('sha256');
    for (let left = bytes; left > 0; ) {
      if (this.#rest.length === 0) await this.#readMore();
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      hash.update(piece);
      if (!to.write(Buffer.from(piece))) await waitForRoom(to);
    }
    to.end();
    return hash.digest('hex');
  }

  async #readMore(): Promise<void> {
    const next = await this.#pieces.next();
    if (next.done) throw damagedBackup();
    this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
  }
}

/** Resolves when the stream accepts more data, or has been destroyed because its reader failed. */
function waitForRoom(stream: PassThrough): Promise<void> {
  if (stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}

function parseHeader(block: Buffer): { name: string; bytes: number } {
  const text = (start: number, length: number) =>
    block
      .toString('utf8', start, start + length)
      .split('\0')[0]
      ?.trim() ?? '';
  const checksum = Number.parseInt(text(148, 8), 8);
  const blank = Buffer.from(block);
  blank.fill(' ', 148, 156);
  const bytes = Number.parseInt(text(124, 12), 8);
  const isRegular = text(156, 1) === '0' && text(257, 5) === 'ustar';
  if (!isRegular || checksum !== blank.reduce((total, byte) => total + byte, 0) || !(bytes >= 0))
    throw damagedBackup();
  return { name: text(0, NAME_BYTES_MAX), bytes };
}
