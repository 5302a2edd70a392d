/**
 * Sends the ACME library's requests by `fetch`: once each, within limits of time and size, through the owner's proxy like all
 * other requests. The library itself would wait as long as a server's Retry-After asks, and hides why nothing was reached.
 */
import type { axios } from 'acme-client';
import { AppError } from '../../../shared/errors.ts';

type Transport = typeof axios;

const REQUEST_MS_MAX = 30_000;
const ANSWER_BYTES_MAX = 256 * 1_024;
const BUSY: ReadonlySet<number> = new Set([429, 503]);

/** Failures without the library's own `config` pass its retries. Calling it again changes nothing. */
export function setAcmeTransport(transport: Transport): void {
  transport.defaults.adapter = async (config) => {
    const { url = '', method = 'get', data } = config;
    const answer = await reach(url, {
      method: method.toUpperCase(),
      headers: config.headers.toJSON() as Record<string, string>,
      body: typeof data === 'string' ? data : null,
    });
    if (BUSY.has(answer.status)) throw busy(answer);
    const { status, statusText, headers, text } = answer;
    return { status, statusText, headers: Object.fromEntries(headers), data: text, config };
  };
}

interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly text: string;
}

async function reach(url: string, request: RequestInit): Promise<Answer> {
  const { host } = new URL(url);
  try {
    const signal = AbortSignal.timeout(REQUEST_MS_MAX);
    const response = await fetch(url, { ...request, redirect: 'error', signal });
    const { status, statusText, headers } = response;
    return { status, statusText, headers, text: await limitedText(response) };
  } catch (cause) {
    throw new AppError('peer-unreachable', `The certificate authority at ${host} can’t be reached.`, {
      cause,
    });
  }
}

async function limitedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error('The answer is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The header has seconds or a date. */
function busy({ status, headers }: Answer): AppError {
  const text = headers.get('retry-after') ?? '';
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - Date.now()) / 1_000);
  const message = `The certificate authority is busy or unavailable (HTTP ${status}).`;
  return new AppError('busy', message, { details: seconds > 0 ? { retryAfterS: seconds } : {} });
}
