/** Reads log files back: all processes merged by time, and new lines as they are written, across rotations. */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { LOG_LEVELS } from '../../ports/log.ts';
import { parseName } from './file-names.ts';

const lineSchema = z.looseObject({
  time: z.string(),
  level: z.enum(LOG_LEVELS),
  component: z.string(),
  msg: z.string(),
});

export interface LogLine {
  /** `agent` or `shell`: the name of its file. */
  readonly process: string;
  /** ISO 8601 in UTC. */
  readonly time: string;
  readonly level: (typeof LOG_LEVELS)[number];
  readonly component: string;
  readonly message: string;
  /** Everything else in the line. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The line as it is in the file, without its line feed. */
  readonly text: string;
}

const POLL_MS = 250;
const CHUNK_BYTES = 65_536;

/** Returns whether the folder has any log file. */
export function hasLog(folder: string): boolean {
  return logNames(folder).length > 0;
}

/** Yields every line in the folder's logs, oldest first. Lines that aren't whole are skipped. */
export function* readLog(folder: string): Generator<LogLine, void, void> {
  const sources = logNames(folder).map((name) => readProcess(folder, name));
  const heads = sources.map((source) => source.next());
  for (;;) {
    let oldest = -1;
    for (const [index, { value, done }] of heads.entries()) {
      if (done) continue;
      const best = heads[oldest];
      if (best === undefined || best.done || value.time < best.value.time) oldest = index;
    }
    const [head, source] = [heads[oldest], sources[oldest]];
    if (head === undefined || source === undefined || head.done) return;
    yield head.value;
    heads[oldest] = source.next();
  }
}

export interface FollowOptions {
  readonly signal?: AbortSignal;
  /** 250 unless stated. */
  readonly pollMs?: number;
}

/** Yields the lines that are written from the moment of this call on, until the signal aborts. */
export function followLog(folder: string, options: FollowOptions = {}): AsyncGenerator<LogLine, void, void> {
  const tails = new Map(logNames(folder).map((name) => [name, new Tail(folder, name, 'end')]));
  return follow(folder, tails, options);
}

async function* follow(
  folder: string,
  tails: Map<string, Tail>,
  { signal, pollMs = POLL_MS }: FollowOptions,
): AsyncGenerator<LogLine, void, void> {
  try {
    while (!signal?.aborted) {
      for (const name of logNames(folder)) {
        if (!tails.has(name)) tails.set(name, new Tail(folder, name, 'start'));
      }
      const lines = [...tails.values()].flatMap((tail) => tail.read());
      yield* lines.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
      await sleep(pollMs);
    }
  } finally {
    for (const tail of tails.values()) tail.close();
  }
}

function logNames(folder: string): string[] {
  try {
    const names = readdirSync(folder).flatMap((file) => parseName(file)?.name ?? []);
    return [...new Set(names)].sort();
  } catch {
    return [];
  }
}

/** Oldest first; the current file, which has no number, is last. */
function filesOf(folder: string, name: string): { path: string; sequence: number | null }[] {
  return readdirSync(folder)
    .flatMap((file) => {
      const parsed = parseName(file);
      return parsed?.name === name ? [{ path: join(folder, file), sequence: parsed.sequence }] : [];
    })
    .sort((a, b) => (a.sequence ?? Number.POSITIVE_INFINITY) - (b.sequence ?? Number.POSITIVE_INFINITY));
}

function* readProcess(folder: string, name: string): Generator<LogLine, void, void> {
  for (const { path } of filesOf(folder, name)) {
    for (const text of readText(path).split('\n')) {
      const line = parseLine(name, text);
      if (line !== null) yield line;
    }
  }
}

/** A file that a rotation deleted in the meantime is empty. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function parseLine(process: string, text: string): LogLine | null {
  if (text === '') return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const found = lineSchema.safeParse(parsed);
  if (!found.success) return null;
  const { time, level, component, msg, ...fields } = found.data;
  return { process, time, level, component, message: msg, fields, text };
}

/** The end of one process's log: stays on the open file when it is renamed, then continues with its successors. */
class Tail {
  readonly #folder: string;
  readonly #name: string;
  readonly #path: string;
  #descriptor: number | null = null;
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(folder: string, name: string, from: 'start' | 'end') {
    this.#folder = folder;
    this.#name = name;
    this.#path = join(folder, `${name}.log`);
    this.#open();
    if (from === 'end' && this.#descriptor !== null) this.#offset = fstatSync(this.#descriptor).size;
  }

  read(): LogLine[] {
    const lines = this.#readRest();
    if (!this.#isRotated()) return lines;
    // What was written between the first read and the rotation.
    lines.push(...this.#readRest());
    lines.push(...this.#readSuccessors());
    this.close();
    this.#open();
    return [...lines, ...this.#readRest()];
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
  }

  #open(): void {
    try {
      this.#descriptor = openSync(this.#path, 'r');
    } catch {
      // Between a rotation's rename and its new file there is none; the next poll tries again.
      this.#descriptor = null;
    }
  }

  #isRotated(): boolean {
    if (this.#descriptor === null) return true;
    const current = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    return current !== undefined && current.ino !== fstatSync(this.#descriptor, { bigint: true }).ino;
  }

  /** Reads whole files that were created and rotated since the last poll. */
  #readSuccessors(): LogLine[] {
    if (this.#descriptor === null) return [];
    const own = fstatSync(this.#descriptor, { bigint: true }).ino;
    const older = filesOf(this.#folder, this.#name).filter(({ sequence }) => sequence !== null);
    const place = older.findIndex(
      ({ path }) => statSync(path, { bigint: true, throwIfNoEntry: false })?.ino === own,
    );
    if (place < 0) return [];
    return older
      .slice(place + 1)
      .flatMap(({ path }) => readText(path).split('\n'))
      .flatMap((text) => parseLine(this.#name, text) ?? []);
  }

  #readRest(): LogLine[] {
    if (this.#descriptor === null) return [];
    const lines: LogLine[] = [];
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const count = readSync(this.#descriptor, chunk, 0, CHUNK_BYTES, this.#offset);
      if (count === 0) return lines;
      this.#offset += count;
      const bytes = Buffer.concat([this.#rest, chunk.subarray(0, count)]);
      const end = bytes.lastIndexOf('\n') + 1;
      this.#rest = bytes.subarray(end);
      const texts = bytes.toString('utf8', 0, end).split('\n');
      lines.push(...texts.flatMap((text) => parseLine(this.#name, text) ?? []));
    }
  }
}
