/**
 * Answers to lines of batches on disk, so that a provider that was killed still has what was paid. Each is encrypted with
 * a key of its buyer, who sends it with the request and again to collect the answer: no key is stored, so that nobody
 * else can read a file.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Clock } from '../../ports/clock.ts';

export interface AnswerFileLimits {
  /** Bytes of all files; the oldest are deleted first. */
  readonly filedBytesMax: number;
  /** The same of one peer. */
  readonly filedBytesPerPeerMax: number;
  /** Time after which a file is deleted. */
  readonly filedMs: number;
}

/** The answer that a peer's job has. */
export interface AnswerId {
  readonly peer: string;
  /** The job's ID at the buyer. */
  readonly id: string;
}

/** Everything rejects with the error of the file system. */
export interface AnswerFiles {
  /** `key` has 32 bytes. */
  write(answer: AnswerId, text: string, key: Buffer): Promise<void>;
  /** Returns null without such a file, or with another key. */
  read(answer: AnswerId, key: Buffer): Promise<string | null>;
  remove(answers: readonly AnswerId[]): Promise<void>;
}

interface Filed {
  /** Equal for all files of one peer. */
  readonly owner: string;
  readonly file: string;
  readonly bytes: number;
  readonly atMs: number;
}

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** A small file takes this much of the disk. */
const BLOCK_BYTES = 4_096;
/** More than an answer has. */
const TEXT_BYTES_MAX = 64 * 1024 * 1024;
const SWEEP_MS = 600_000;
const UNFINISHED = '.part';
/** Owner, answer, time. */
const NAME = /^([0-9a-f]{16})-([0-9a-f]{32})-(\d{1,16})$/;

const compress = promisify(gzip);
const decompress = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip);

/** Opens the folder, and deletes in the background what is too old or was left unfinished. */
export function openAnswerFiles(folder: string, clock: Clock, limits: AnswerFileLimits): AnswerFiles {
  const loading = load(folder);
  // Each call reports it.
  loading.catch(() => undefined);
  const sweep = async () => deleteBeyondLimits(await loading);
  clock.every(SWEEP_MS, sweep);
  void sweep().catch(() => undefined);

  /** Deletes what is too old, then the oldest of a peer or of all that has too much. The oldest is first in `files`. */
  async function deleteBeyondLimits(files: Map<string, Filed>): Promise<void> {
    const nowMs = clock.now();
    const owned = new Map<string, number>();
    let all = 0;
    for (const { owner, bytes } of files.values()) {
      owned.set(owner, (owned.get(owner) ?? 0) + bytes);
      all += bytes;
    }
    for (const [name, { owner, file, bytes, atMs }] of files) {
      const own = owned.get(owner) ?? 0;
      const isOld = nowMs - atMs >= limits.filedMs;
      if (!isOld && all <= limits.filedBytesMax && own <= limits.filedBytesPerPeerMax) continue;
      files.delete(name);
      all -= bytes;
      owned.set(owner, own - bytes);
      await rm(join(folder, file), { force: true });
    }
  }

  async function forget(files: Map<string, Filed>, name: string): Promise<void> {
    const known = files.get(name);
    files.delete(name);
    if (known !== undefined) await rm(join(folder, known.file), { force: true });
  }

  return {
    async write(answer, text, key) {
      const files = await loading;
      const { owner, name } = nameOf(answer);
      const sealed = await seal(name, text, key);
      await forget(files, name);
      const atMs = clock.now();
      const file = `${name}-${atMs}`;
      await writeFile(join(folder, file + UNFINISHED), sealed, { mode: 0o600 });
      await rename(join(folder, file + UNFINISHED), join(folder, file));
      files.set(name, { owner, file, bytes: bytesOnDisk(sealed.byteLength), atMs });
      await deleteBeyondLimits(files);
    },
    async read(answer, key) {
      const files = await loading;
      const { name } = nameOf(answer);
      const known = files.get(name);
      if (known === undefined || clock.now() - known.atMs >= limits.filedMs) return null;
      return open(name, await readFile(join(folder, known.file)), key);
    },
    async remove(answers) {
      const files = await loading;
      for (const answer of answers) await forget(files, nameOf(answer).name);
    },
  };
}

/** Reads the names, the oldest first. */
async function load(folder: string): Promise<Map<string, Filed>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found: (Filed & { readonly name: string })[] = [];
  for (const file of await readdir(folder)) {
    const [, owner, answer, atMs] = NAME.exec(file) ?? [];
    if (owner === undefined) {
      if (file.endsWith(UNFINISHED)) await rm(join(folder, file), { force: true });
      continue;
    }
    // A file that is gone meanwhile can't be collected.
    const facts = await stat(join(folder, file)).catch(() => null);
    if (facts === null) continue;
    const bytes = bytesOnDisk(facts.size);
    found.push({ name: `${owner}-${answer}`, owner, file, bytes, atMs: Number(atMs) });
  }
  found.sort((one, other) => one.atMs - other.atMs);
  return new Map(found.map(({ name, ...filed }) => [name, filed]));
}

/** Tells nobody who reads the folder whose answers it has. */
function nameOf({ peer, id }: AnswerId): { readonly owner: string; readonly name: string } {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const owner = hash(peer).slice(0, 16);
  return { owner, name: `${owner}-${hash(`${peer} ${id}`).slice(0, 32)}` };
}

function bytesOnDisk(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

async function seal(name: string, text: string, key: Buffer): Promise<Buffer> {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(name));
  const content = [cipher.update(await compress(text)), cipher.final()];
  return Buffer.concat([nonce, ...content, cipher.getAuthTag()]);
}

/** Returns null for another key. */
async function open(name: string, sealed: Buffer, key: Buffer): Promise<string | null> {
  if (sealed.byteLength < NONCE_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES))
    .setAAD(Buffer.from(name))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const content = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
    const text = Buffer.concat([content, decipher.final()]);
    return (await decompress(text, { maxOutputLength: TEXT_BYTES_MAX })).toString();
  } catch {
    return null;
  }
}
