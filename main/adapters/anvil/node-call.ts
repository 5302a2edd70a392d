/** JSON-RPC over plain HTTP. Not `fetch`: it refuses, like a browser, the ports on which anvil listens. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';

const CALL_TIMEOUT_MS = 10_000;

const answerSchema = z.object({
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
});

export interface NodeAnswer {
  readonly status: number;
  readonly text: string;
}

/** Posts a JSON body to a node. Rejects if there is no complete answer in time. */
export function postToNode(rpcUrl: string, body: string, timeoutMs: number): Promise<NodeAnswer> {
  const send = rpcUrl.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const sent = send(rpcUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      signal: AbortSignal.timeout(timeoutMs),
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
      );
    });
    sent.end(body);
  });
}

/** One JSON-RPC call to a local node. Fails with `chain-unavailable`. */
export async function callNode(
  rpcUrl: string,
  method: string,
  parameters: readonly unknown[],
): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: parameters });
  let answer: z.infer<typeof answerSchema>;
  try {
    answer = answerSchema.parse(JSON.parse((await postToNode(rpcUrl, body, CALL_TIMEOUT_MS)).text));
  } catch (cause) {
    throw new AppError('chain-unavailable', 'The practice chain doesn’t respond.', { cause });
  }
  if (answer.error !== undefined) {
    throw new AppError('chain-unavailable', `The practice chain rejected ${method}.`, {
      details: { message: answer.error.message.slice(0, 200) },
    });
  }
  return answer.result;
}
