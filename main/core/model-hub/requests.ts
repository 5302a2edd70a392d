/** Requests to the hub: JSON and the beginning of a file, within limits of size and time. */
import type { z } from 'zod';
import { checkShape } from '../../../shared/check-shape.ts';
import { parseJson } from '../../../shared/json.ts';
import { describeConnectionFailure, describeStatus, SIGN_IN_PAGE } from '../../../shared/network-failure.ts';
import type { Clock } from '../../ports/clock.ts';
import { HubRefusal } from './refusal.ts';
import { RedirectRefused } from './site.ts';

/** From the request to the end of the response. */
const JSON_MS_MAX = 30_000;
const START_MS_MAX = 120_000;
/** A page of 1,000 files with long names takes about 0.4 MB. */
const JSON_BYTES_MAX = 8 * 1_024 * 1_024;
const DETAIL_CHARACTERS_MAX = 200;

export interface HubAccess {
  /** Follows redirects to the hub's own hosts only. */
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Fails with a {@link HubRefusal}, or with the signal's reason. */
export async function readHubJson<T>(
  access: HubAccess,
  url: URL,
  schema: z.ZodType<T>,
): Promise<{ readonly json: T; readonly next: string | null }> {
  return within(access, JSON_MS_MAX, async (signal) => {
    const response = await access.fetch(url, { headers: { accept: 'application/json' }, signal });
    await checkStatus(response);
    const text = Buffer.concat(await readChunks(response, JSON_BYTES_MAX)).toString('utf8');
    const parsed = checkShape(schema, parseOrNull(text));
    if (!parsed.success) throw new HubRefusal('bad-answer');
    const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? null;
    return { json: parsed.data, next };
  });
}

/**
 * Reads the file until `parse` returns something for its first bytes, at most `bytesMax`. `parse` is called each time
 * the bytes have doubled. Returns null if it never did.
 */
export function readStart<T>(
  access: HubAccess,
  url: URL,
  { bytesMax, parse }: { readonly bytesMax: number; readonly parse: (bytes: Buffer) => T | null },
): Promise<T | null> {
  return within(access, START_MS_MAX, async (signal) => {
    const headers = { range: `bytes=0-${bytesMax - 1}` };
    const response = await access.fetch(url, { headers, signal });
    await checkStatus(response);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    let parsedBytes = 0;
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes < parsedBytes * 2 && bytes < bytesMax) continue;
      parsedBytes = bytes;
      const found = parse(Buffer.concat(chunks).subarray(0, bytesMax));
      // Leaving the loop cancels the rest of the response, which a server that ignores ranges sends.
      if (found !== null) return found;
      if (bytes >= bytesMax) return null;
    }
    return parse(Buffer.concat(chunks));
  });
}

async function within<T>(
  { clock, signal }: HubAccess,
  msMax: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = clock.after(msMax, () => late.abort(new HubRefusal('unreachable', 'it took too long')));
  try {
    return await run(AbortSignal.any([signal, late.signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (late.signal.aborted) throw late.signal.reason;
    throw asRefusal(error);
  } finally {
    timer.cancel();
  }
}

/** Every failure of `fetch` and of a body is one of the connection; any other error is a bug. */
function asRefusal(error: unknown): unknown {
  if (error instanceof RedirectRefused) return new HubRefusal('other-redirect', error.host);
  const described = describeConnectionFailure(error);
  if (described !== null) return new HubRefusal('unreachable', described);
  const isOfFetch = error instanceof TypeError && /^(fetch failed|terminated)$/.test(error.message);
  return isOfFetch ? new HubRefusal('unreachable', 'the connection was lost') : error;
}

/** The hub's codes: https://github.com/huggingface/huggingface_hub, `utils/_http.py`. */
const REFUSALS = {
  GatedRepo: 'gated',
  RepoNotFound: 'missing-or-private',
  RevisionNotFound: 'no-revision',
  EntryNotFound: 'no-file',
} as const;

async function checkStatus(response: Response): Promise<void> {
  const { status, headers } = response;
  if (response.ok && !/^text\/html\b/i.test(headers.get('content-type') ?? '')) return;
  await response.body?.cancel();
  if (response.ok) throw new HubRefusal('unreachable', SIGN_IN_PAGE);
  const code = headers.get('x-error-code') ?? '';
  if (Object.hasOwn(REFUSALS, code)) throw new HubRefusal(REFUSALS[code as keyof typeof REFUSALS]);
  if (/is disabled/i.test(headers.get('x-error-message') ?? '') || status === 451)
    throw new HubRefusal('disabled');
  if (status === 429) throw new HubRefusal('busy');
  if (status === 401 || status === 403 || status === 404) throw new HubRefusal('missing-or-private');
  const words = describeStatus(status) ?? `status ${status}`;
  throw new HubRefusal('unreachable', words.slice(0, DETAIL_CHARACTERS_MAX));
}

async function readChunks(response: Response, bytesMax: number): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new HubRefusal('bad-answer');
    chunks.push(chunk);
  }
  return chunks;
}

function parseOrNull(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    // The parser's message could quote the response.
    return null;
  }
}
