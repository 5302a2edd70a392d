/**
 * Files in one file: POSIX tar (ustar) in gzip, which every system can open without us. Only what a backup
 * needs: regular files with short names. Reads and writes piece by piece, so that size does not matter.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { AppError } from '../../../shared/errors.ts';

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;

export interface ArchivedFile {
  readonly name: string;
  /** Absolute path, or the content itself. */
  readonly from: string | { readonly content: Buffer };
}

/** What a file in an archive was found to be. */
export interface FoundFile {
  readonly name: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/**
 * Writes the files, in their order, to a new file that its owner alone can read. The last one is asked for
 * when the others are in, and told what they were.
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
  if (seen !== bytes) throw new AppError('busy', `${name} changed while it was copied; try again.`);
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
 * Gives each file to `take` as a stream that has to be read to its end. Fails with `checksum-mismatch` for
 * what is no archive, is cut short, or holds anything but regular files.
 */
export async function readArchive(
  path: string,
  take: (name: string, content: Readable) => Promise<void>,
): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  const source = createReadStream(path).pipe(createGunzip());
  const pieces = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const next = await pieces.next();
    if (next.done) return false;
    rest = rest.length === 0 ? next.value : Buffer.concat([rest, next.value]);
    return true;
  };
  const takeBytes = async (bytes: number): Promise<Buffer> => {
    while (rest.length < bytes) if (!(await more())) throw damaged();
    const taken = rest.subarray(0, bytes);
    rest = rest.subarray(bytes);
    return taken;
  };
  try {
    for (;;) {
      const block = await takeBytes(BLOCK_BYTES);
      if (block.every((byte) => byte === 0)) return found;
      const { name, bytes } = parseHeader(block);
      const hash = createHash('sha256');
      const content = new PassThrough();
      const taken = take(name, content);
      // A taker that fails is told by its promise, below.
      taken.catch(() => content.resume());
      for (let left = bytes; left > 0; ) {
        if (rest.length === 0 && !(await more())) throw damaged();
        const piece = rest.subarray(0, left);
        rest = rest.subarray(piece.length);
        left -= piece.length;
        hash.update(piece);
        if (!content.write(Buffer.from(piece))) {
          await new Promise<void>((resolve) => content.once('drain', resolve));
        }
      }
      content.end();
      await taken;
      await takeBytes(padding(bytes));
      found.push({ name, bytes, sha256: hash.digest('hex') });
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (cause instanceof Error && 'code' in cause && String(cause.code).startsWith('Z_'))
      throw damaged(cause);
    throw cause;
  } finally {
    source.destroy();
  }
}

function parseHeader(block: Buffer): { name: string; bytes: number } {
  const text = (start: number, length: number) =>
    block
      .toString('utf8', start, start + length)
      .split('\0')[0]
      ?.trim() ?? '';
  const kept = Number.parseInt(text(148, 8), 8);
  const blank = Buffer.from(block);
  blank.fill(' ', 148, 156);
  const bytes = Number.parseInt(text(124, 12), 8);
  const isRegular = text(156, 1) === '0' && text(257, 5) === 'ustar';
  if (!isRegular || kept !== blank.reduce((total, byte) => total + byte, 0) || !(bytes >= 0)) throw damaged();
  return { name: text(0, NAME_BYTES_MAX), bytes };
}

function damaged(cause?: unknown): AppError {
  return new AppError('checksum-mismatch', 'The backup is damaged or no backup of Idlewatt.', { cause });
}
