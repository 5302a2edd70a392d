/**
 * Sends ethers' requests within limits of time and size. ethers itself measures only the time between two pieces of an answer,
 * so one that drips never ends, and it reads answers of any size, also in compressed form.
 */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { FetchGetUrlFunc } from 'ethers';

/** Events of 2,000 blocks take a part of it. */
export const ANSWER_BYTES_MAX = 16 * 1_024 * 1_024;

const inflate = promisify(gunzip);

/** Returns the function that sends; `timeoutMs` is for the whole answer. It fails with the system's errors. */
export function limitedRequest(timeoutMs: number): FetchGetUrlFunc {
  return async (query, canceling) => {
    const canceled = new AbortController();
    canceling?.addListener(() => canceled.abort());
    const request = query.url.startsWith('https:') ? requestHttps : requestHttp;
    const { method, headers, body: content } = query;
    const signal = AbortSignal.any([canceled.signal, AbortSignal.timeout(timeoutMs)]);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(query.url, { method, headers, signal })
        .once('response', resolve)
        // Also for an error after the response has begun, which its reader gets, too.
        .on('error', reject)
        .end(content);
    });
    const received = await limited(response);
    const isZipped = response.headers['content-encoding'] === 'gzip' && received.length > 0;
    return {
      statusCode: response.statusCode ?? 0,
      statusMessage: response.statusMessage ?? '',
      headers: Object.fromEntries(
        Object.entries(response.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
      ),
      body: isZipped ? await inflate(received, { maxOutputLength: ANSWER_BYTES_MAX }) : received,
    };
  };
}

/** An error ends the loop, and with it the connection. */
async function limited(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error('The answer is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
