/** Translates the refusal of an engine server for a job. Its own words are never passed on: they may quote the prompt. */
import { z } from 'zod';
import { checkShape } from '../../../shared/check-shape.ts';
import { contextExceeded } from '../../../shared/context-exceeded.ts';
import { AppError } from '../../../shared/errors.ts';
import type { EngineServerResponse } from '../../ports/engine-server.ts';
import { FACTS_BYTES_MAX } from './limits.ts';
import { readJson } from './read-json.ts';

const countSchema = z.number().int().positive().nullish().catch(null);
const errorSchema = z.object({
  error: z.object({
    type: z.string().nullish().catch(null),
    code: z.union([z.string(), z.number()]).nullish().catch(null),
    message: z.string().nullish().catch(null),
    n_prompt_tokens: countSchema,
  }),
});

/** llama-server's type, OpenAI's code, and vLLM's words. */
const CONTEXT_MARKS =
  /exceed_context_size|context_length_exceeded|maximum context length|maximum model length/i;

export async function refusalOf(
  response: EngineServerResponse,
  asked: { readonly maxTokens: number; readonly contextTokens: number },
): Promise<AppError> {
  const { status } = response;
  const body = await readJson(response.body, FACTS_BYTES_MAX).catch(() => null);
  if (status >= 300 && status < 400) {
    return new AppError('engine-failed', 'The engine redirects to another address, which isn’t followed.');
  }
  if (status === 401 || status === 403)
    return new AppError('engine-failed', 'The engine requires another key.');
  if (status === 404)
    return new AppError('model-unavailable', 'The engine doesn’t have this model any more.');
  const details = checkShape(errorSchema, body).data?.error;
  if (CONTEXT_MARKS.test([details?.type, details?.code, details?.message].join(' '))) {
    return contextExceeded(details?.n_prompt_tokens ?? null, asked.maxTokens, asked.contextTokens);
  }
  return status === 400 || status === 422
    ? new AppError('bad-request', 'The engine of this provider refuses this request.')
    : new AppError('engine-failed', 'The engine failed.');
}
