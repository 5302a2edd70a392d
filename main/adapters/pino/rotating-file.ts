/**
 * Appends lines to a file of bounded size and keeps older ones up to a bounded total. Writes
 * are synchronous, so that a line is with the operating system before the process can crash, and never throw:
 * a line that could not be written is reported as such by the result.
 */
import {
  chmodSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { rotatedName, sequenceOf } from './file-names.ts';

export interface RotatingFileOptions {
  readonly folder: string;
  /** Without extension: `agent` writes `agent.log`, then `agent.000001.log` and so on. */
  readonly name: string;
  /** A file that would grow beyond it becomes an older one. */
  readonly fileBytesMax: number;
  readonly fileAgeMsMax: number;
  /** All files of this name together; the oldest are deleted. At least twice `fileBytesMax`. */
  readonly totalBytesMax: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface OpenFile {
  readonly descriptor: number;
  readonly startedAtMs: number;
  bytes: number;
  /** The last write broke off within a line. */
  isTorn: boolean;
}

const OWNER_ONLY = 0o600;
const OWNER_ONLY_FOLDER = 0o700;
/** Enough bytes of a first line to include its time. */
const HEAD_BYTES = 128;

export class RotatingFile {
  readonly #options: RotatingFileOptions;
  readonly #path: string;
  #file: OpenFile | null = null;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
    this.#path = join(options.folder, `${options.name}.log`);
  }

  /** Returns whether the whole line, which ends in a line feed, was written. */
  write(line: string): boolean {
    try {
      const bytes = Buffer.from(line);
      if (bytes.length > this.#options.fileBytesMax) return false;
      const file = this.#fileFor(bytes.length);
      return append(file, file.isTorn ? Buffer.concat([Buffer.from('\n'), bytes]) : bytes);
    } catch {
      // A full disk or a folder that is gone: the next line tries again.
      this.close();
      return false;
    }
  }

  close(): void {
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    try {
      closeSync(file.descriptor);
    } catch {
      // Nothing is buffered here.
    }
  }

  #fileFor(bytes: number): OpenFile {
    const { fileBytesMax, fileAgeMsMax, now } = this.#options;
    const file = this.#file ?? this.#open();
    // One more byte: a line feed may have to end a torn line.
    const isFull = file.bytes > 0 && file.bytes + bytes + 1 > fileBytesMax;
    if (!isFull && now() - file.startedAtMs < fileAgeMsMax) return file;
    this.#rotate();
    return this.#open();
  }

  #open(): OpenFile {
    mkdirSync(this.#options.folder, { recursive: true, mode: OWNER_ONLY_FOLDER });
    const descriptor = openSync(this.#path, 'a+', OWNER_ONLY);
    // An older file keeps its mode when it is opened.
    if (process.platform !== 'win32') chmodSync(this.#path, OWNER_ONLY);
    const { size } = fstatSync(descriptor);
    const startedAtMs = size === 0 ? this.#options.now() : startOf(descriptor, this.#options.now());
    this.#file = {
      descriptor,
      startedAtMs,
      bytes: size,
      isTorn: size > 0 && !endsInLineFeed(descriptor, size),
    };
    this.#deleteOldest();
    return this.#file;
  }

  #rotate(): void {
    this.close();
    const next = (this.#older().at(-1)?.sequence ?? 0) + 1;
    renameSync(this.#path, join(this.#options.folder, rotatedName(this.#options.name, next)));
  }

  /** Leaves room for a whole current file, so that the total is never exceeded. */
  #deleteOldest(): void {
    const older = this.#older();
    let total = older.reduce((sum, { bytes }) => sum + bytes, this.#options.fileBytesMax);
    for (const { path, bytes } of older) {
      if (total <= this.#options.totalBytesMax) return;
      rmSync(path, { force: true });
      total -= bytes;
    }
  }

  /** Oldest first. */
  #older(): { path: string; sequence: number; bytes: number }[] {
    const { folder, name } = this.#options;
    return readdirSync(folder)
      .flatMap((file) => {
        const sequence = sequenceOf(name, file);
        if (sequence === null) return [];
        const path = join(folder, file);
        return [{ path, sequence, bytes: statSync(path).size }];
      })
      .sort((a, b) => a.sequence - b.sequence);
  }
}

function append(file: OpenFile, bytes: Buffer): boolean {
  let written = 0;
  try {
    while (written < bytes.length) {
      const count = writeSync(file.descriptor, bytes, written);
      if (count === 0) break;
      written += count;
    }
  } finally {
    file.bytes += written;
    if (written > 0) file.isTorn = written < bytes.length;
  }
  return written === bytes.length;
}

/** The time of the first line: a file's own times change when it is copied or appended to. */
function startOf(descriptor: number, otherwiseMs: number): number {
  const head = Buffer.alloc(HEAD_BYTES);
  const bytes = readSync(descriptor, head, 0, HEAD_BYTES, 0);
  const time = /"time":"([^"]+)"/.exec(head.toString('utf8', 0, bytes))?.[1];
  const startedAtMs = time === undefined ? Number.NaN : Date.parse(time);
  // A clock that was set back must not keep a file for years.
  return Number.isNaN(startedAtMs) || startedAtMs > otherwiseMs ? otherwiseMs : startedAtMs;
}

function endsInLineFeed(descriptor: number, size: number): boolean {
  const last = Buffer.alloc(1);
  readSync(descriptor, last, 0, 1, size - 1);
  return last.toString() === '\n';
}
