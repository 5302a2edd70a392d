/** The folder with the files of batches: written whole or not at all, read in pieces. */
import { createReadStream, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';

/** One line of a file, without its end. */
export interface FileLine {
  /** From 1, counting empty lines. */
  readonly line: number;
  /** In bytes, from the beginning of the file. */
  readonly offset: number;
  readonly bytes: number;
  /** Null for a line that is too long. */
  readonly content: Buffer | null;
}

export interface BatchFolder {
  /**
   * Writes a new file; on disk when it resolves, and gone if it fails. Returns its bytes. Throws what `onFull` returns
   * when the content exceeds `bytesMax`.
   */
  write(
    id: string,
    content: AsyncIterable<Uint8Array | string>,
    limit: { readonly bytesMax: number; readonly onFull: () => AppError },
  ): Promise<number>;
  stream(id: string): ReadableStream<Uint8Array>;
  /** Yields the lines that aren't empty. Fails with `not-found` if the file is gone. */
  lines(id: string, lineBytesMax: number): AsyncGenerator<FileLine, void>;
  /** Fails with `not-found` if the file is gone. */
  read(id: string, offset: number, bytes: number): Promise<Buffer>;
  remove(id: string): Promise<void>;
  /** Removes what a kill left: unfinished files, and files that aren't known. */
  keepOnly(isKnown: (id: string) => boolean): void;
}

const ID = /^file-[0-9a-f]{24}$/;
const UNFINISHED = '.part';
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export function openBatchFolder(path: string): BatchFolder {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const placeOf = (id: string): string => {
    assert(ID.test(id), 'a file’s name is made here, never by a client');
    return join(path, id);
  };
  return {
    async write(id, content, limit) {
      const place = placeOf(id);
      const unfinished = place + UNFINISHED;
      try {
        const bytes = await writeWhole(unfinished, content, limit);
        await rename(unfinished, place);
        await syncFolder(path);
        return bytes;
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
    },
    stream: (id) => Readable.toWeb(createReadStream(placeOf(id))) as ReadableStream<Uint8Array>,
    lines: (id, lineBytesMax) => readLines(createReadStream(placeOf(id)), lineBytesMax),
    read: (id, offset, bytes) => readPart(placeOf(id), offset, bytes),
    remove: (id) => rm(placeOf(id), { force: true }),
    keepOnly(isKnown) {
      for (const name of readdirSync(path)) {
        const id = name.endsWith(UNFINISHED) ? name.slice(0, -UNFINISHED.length) : name;
        if (!ID.test(id) || (name === id && isKnown(id))) continue;
        rmSync(join(path, name), { force: true });
      }
    },
  };
}

async function writeWhole(
  path: string,
  content: AsyncIterable<Uint8Array | string>,
  { bytesMax, onFull }: { readonly bytesMax: number; readonly onFull: () => AppError },
): Promise<number> {
  const file = await open(path, 'w', 0o600);
  let bytes = 0;
  try {
    for await (const part of content) {
      const chunk = typeof part === 'string' ? Buffer.from(part) : part;
      bytes += chunk.byteLength;
      if (bytes > bytesMax) throw onFull();
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return bytes;
}

/** The file's name must survive a power cut, too. Windows has no such call and needs none. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function readPart(path: string, offset: number, bytes: number): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw goneIfSo(cause);
  }
}

function goneIfSo(cause: unknown): unknown {
  if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') return cause;
  return new AppError('not-found', 'The file of this batch is gone.', { cause });
}

async function* readLines(
  source: AsyncIterable<Buffer>,
  lineBytesMax: number,
): AsyncGenerator<FileLine, void> {
  const splitter = new LineSplitter(lineBytesMax);
  try {
    for await (const chunk of source) yield* splitter.add(chunk);
  } catch (cause) {
    throw goneIfSo(cause);
  }
  yield* splitter.end();
}

class LineSplitter {
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  #isTooLong = false;
  #line = 1;
  #offset = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  *add(chunk: Buffer): Generator<FileLine, void> {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      this.#take(chunk.subarray(from, at));
      yield* this.end();
      this.#offset += 1;
      from = at + 1;
    }
    this.#take(chunk.subarray(from));
  }

  /** Ends the current line. */
  *end(): Generator<FileLine, void> {
    let content = Buffer.concat(this.#parts);
    if (content.at(-1) === CARRIAGE_RETURN) content = content.subarray(0, -1);
    const isEmpty = !this.#isTooLong && content.toString('latin1').trim() === '';
    const { length } = content;
    if (!isEmpty) {
      const read = this.#isTooLong ? null : content;
      yield {
        line: this.#line,
        offset: this.#offset,
        bytes: this.#isTooLong ? this.#bytes : length,
        content: read,
      };
    }
    this.#offset += this.#bytes;
    this.#line += 1;
    this.#parts = [];
    this.#bytes = 0;
    this.#isTooLong = false;
  }

  #take(part: Buffer): void {
    this.#bytes += part.length;
    this.#isTooLong ||= this.#bytes > this.#bytesMax;
    if (this.#isTooLong) this.#parts = [];
    else this.#parts.push(part);
  }
}
