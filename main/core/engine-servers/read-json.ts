/** Facts from an engine server: small JSON responses, read within limits of size, depth and time. */
import type { z } from 'zod';
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EngineServerConnection, EngineServerRequest } from '../../ports/engine-server.ts';
import { startDeadline } from './deadline.ts';
import { FACTS_BYTES_MAX, FACTS_MS_MAX } from './limits.ts';

/** Reads a body up to `bytesMax`. Fails with `engine-failed` if it is larger or isn't JSON. */
export async function readJson(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new AppError('engine-failed', 'The engine sent more than it should.');
    chunks.push(chunk);
  }
  try {
    return parseJson(Buffer.concat(chunks).toString('utf8'));
  } catch {
    // The parser's message could quote the body.
    throw new AppError('engine-failed', 'The engine sent something other than JSON.');
  }
}

export interface ServerAccess {
  readonly connection: Pick<EngineServerConnection, 'send'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface Facts {
  readonly status: number;
  /** Null unless the status is 200 and the body is JSON. */
  readonly json: unknown;
}

/** Sends a request for facts. Rejects if the server can't be reached in time. */
export async function readFacts(
  { connection, clock, signal }: ServerAccess,
  request: Omit<EngineServerRequest, 'signal'>,
): Promise<Facts> {
  const deadline = startDeadline(clock, FACTS_MS_MAX, signal);
  try {
    const { status, body } = await connection.send({ ...request, signal: deadline.signal });
    const json = await readJson(body, FACTS_BYTES_MAX).catch((error: unknown) => {
      if (error instanceof AppError) return null;
      throw error;
    });
    return { status, json: status === 200 ? json : null };
  } finally {
    deadline.cancel();
  }
}

/** Returns the facts if they have this shape; null otherwise. */
export function factsAs<T>(schema: z.ZodType<T>, { json }: Facts): T | null {
  const parsed = checkShape(schema, json);
  return parsed.success ? parsed.data : null;
}
