/** Vectors from an engine server. */
import { z } from 'zod';
import { promptTokensMax } from '../../../shared/asked.ts';
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import { EMBEDDING_INPUTS_MAX, VECTOR_CHARACTERS_MAX } from '../../../shared/request-limits.ts';
import type { GenerateEvent, GenerateRequest } from '../../ports/engine.ts';
import type { AnswerParts } from './answer.ts';
import { startDeadline } from './deadline.ts';
import { FIRST_PIECE_MS_MAX, VECTORS_BYTES_MAX } from './limits.ts';
import { readJson } from './read-json.ts';
import { refusalOf } from './refusal.ts';
import { serverRequest } from './request-body.ts';

const BYTES_PER_NUMBER = 4;
/** As many as base64 of the allowed length holds. */
const NUMBERS_MAX = Math.floor((VECTOR_CHARACTERS_MAX * 3) / 4 / BYTES_PER_NUMBER);

const answerSchema = z.object({
  data: z
    .array(
      z.object({
        index: z.number().int().optional(),
        embedding: z.array(z.number()).min(1).max(NUMBERS_MAX),
      }),
    )
    .max(EMBEDDING_INPUTS_MAX),
  usage: z.object({ prompt_tokens: z.number().int().nonnegative() }),
});

/** Returns all events together; an abort yields none of the vectors. */
export async function embedAt(
  { connection, clock, model }: AnswerParts,
  request: GenerateRequest,
  signal: AbortSignal,
): Promise<GenerateEvent[]> {
  const startedMs = clock.monotonic();
  const deadline = startDeadline(clock, FIRST_PIECE_MS_MAX, signal);
  const end = (reason: 'stop' | 'aborted', inputTokens: number): GenerateEvent => ({
    ...{ type: 'end' as const, reason, inputTokens, readTokens: inputTokens, outputTokens: 0 },
    ...{ prefillMs: clock.monotonic() - startedMs, decodeMs: 0 },
  });
  try {
    const { path, body } = serverRequest(model.kind, model.name, request);
    const response = await connection.send({ method: 'POST', path, body, signal: deadline.signal });
    if (response.status !== 200)
      throw await refusalOf(response, { maxTokens: 0, contextTokens: model.contextTokens });
    const answer = checkShape(answerSchema, await readJson(response.body, VECTORS_BYTES_MAX));
    const texts = request.prompt.kind === 'embed' ? request.prompt.texts.length : 0;
    if (!answer.success || answer.data.data.length !== texts) {
      throw new AppError('engine-failed', 'The engine sent something other than vectors.');
    }
    const { data, usage } = answer.data;
    const sorted = data.toSorted((left, right) => (left.index ?? 0) - (right.index ?? 0));
    const inputTokens = Math.min(usage.prompt_tokens, promptTokensMax(request));
    return [
      { type: 'start', inputTokens },
      { type: 'vectors', vectors: sorted.map(({ embedding }) => vectorText(embedding)) },
      end('stop', inputTokens),
    ];
  } catch (error) {
    if (!signal.aborted) throw deadline.signal.aborted ? deadline.signal.reason : error;
    return [end('aborted', 0)];
  } finally {
    deadline.cancel();
  }
}

/** Base64 of little-endian 32-bit floats. */
function vectorText(numbers: readonly number[]): string {
  const bytes = Buffer.alloc(numbers.length * BYTES_PER_NUMBER);
  for (const [index, value] of numbers.entries()) bytes.writeFloatLE(value, index * BYTES_PER_NUMBER);
  return bytes.toString('base64');
}
