/** Downloads a part file over HTTPS and resumes it after lost connections and earlier runs (RFC 9110, ranges). */
import { rm } from 'node:fs/promises';
import { isAppError } from '../../../shared/errors.ts';
import { describeStatus, SIGN_IN_PAGE } from '../../../shared/network-failure.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ModelSource } from './catalogue.ts';
import type { DownloadOptions } from './download-options.ts';
import { asDiskFull, partBytes } from './part-file.ts';

type HttpsSource = Extract<ModelSource, { kind: 'https' }>;
type HttpsDownloadOptions = Omit<DownloadOptions, 'python'>;

/** A source that sends no data for this long counts as unavailable. */
const STALL_MS = 30_000;
/** Lost connections in a row without one new byte before the source is given up. */
const BREAKS_MAX = 3;
const RETRY_MS = 1_000;

/** Resumes the part file over as many connections as necessary. A server that never responded is not retried. */
export async function downloadHttps(
  source: Pick<HttpsSource, 'url'>,
  options: HttpsDownloadOptions,
): Promise<void> {
  let breaks = 0;
  let responded = false;
  while (true) {
    const before = partBytes(options.path);
    try {
      await downloadOnce(source, options, () => {
        responded = true;
      });
      return;
    } catch (error) {
      options.signal.throwIfAborted();
      breaks = partBytes(options.path) > before ? 0 : breaks + 1;
      if (isAppError(error) || error instanceof RefusedError || !responded || breaks >= BREAKS_MAX)
        throw error;
      await wait(options.clock, RETRY_MS, options.signal);
    }
  }
}

/** The server responded with a refusal: a retry would not help. */
class RefusedError extends Error {}

async function downloadOnce(
  source: Pick<HttpsSource, 'url'>,
  options: HttpsDownloadOptions,
  onResponse: () => void,
): Promise<void> {
  const { path, sizeBytes, clock } = options;
  let received = partBytes(path);
  if (sizeBytes !== null && received === sizeBytes) return;
  if (sizeBytes !== null && received > sizeBytes) received = 0;

  const stall = new AbortController();
  let timer = clock.after(STALL_MS, () => stall.abort(new Error('no response for 30 seconds')));
  const signal = AbortSignal.any([options.signal, stall.signal]);
  try {
    const headers: Record<string, string> = received > 0 ? { range: `bytes=${received}-` } : {};
    const response = await options.fetch(source.url, { headers, signal });
    onResponse();
    if (response.status === 416) {
      await rm(path, { force: true });
      throw new Error('the server’s file is smaller than the part already received');
    }
    if (!response.ok || !response.body) {
      const { status } = response;
      throw new RefusedError(describeStatus(status) ?? `the server responded with status ${status}`);
    }
    if (/^text\/html\b/i.test(response.headers.get('content-type') ?? '')) {
      await response.body.cancel();
      throw new RefusedError(SIGN_IN_PAGE);
    }
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
          throw new RefusedError('the file is larger than expected');
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
