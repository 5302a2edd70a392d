/** One event of an engine server's streamed answer: what it holds, and the counts that it reports. */
import { z } from 'zod';
import type { AnswerPiece } from '../../../shared/answer-pieces.ts';
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import { answerChunkSchema, pieceOf } from '../../../shared/openai-chunks.ts';

const count = z.number().int().nonnegative().max(1e9);

const usageSchema = z.object({
  prompt_tokens: count,
  completion_tokens: count.optional(),
  prompt_tokens_details: z
    .object({ cached_tokens: count.nullish().catch(null) })
    .nullish()
    .catch(null),
});
/** llama-server's, in each event. */
const timingsSchema = z.object({
  prompt_n: count,
  cache_n: count.optional(),
  predicted_n: count,
  prompt_ms: z.number().nonnegative(),
  predicted_ms: z.number().nonnegative(),
});

const countsSchema = z.object({
  model: z.string().max(400).optional(),
  usage: usageSchema.nullish(),
  timings: timingsSchema.nullish(),
});

export interface ReportedCounts {
  readonly inputTokens: number;
  readonly cachedTokens: number | null;
  readonly outputTokens: number;
}

export interface ServerChunk {
  readonly piece: AnswerPiece | null;
  readonly finishReason: string | null;
  readonly counts: ReportedCounts | null;
  /** True if the server counts the whole answer: its `usage`. */
  readonly isUsage: boolean;
  /** Times that the server measured, in milliseconds. */
  readonly times: { readonly prefillMs: number; readonly decodeMs: number } | null;
  readonly model: string | null;
}

/**
 * Fails with `engine-failed`, which never quotes the event, for anything but an event of OpenAI's API; also for an error
 * that the server reports in the middle of an answer.
 */
export function readChunk(data: string): ServerChunk {
  const json = parsed(data);
  const counts = checkShape(countsSchema, json);
  const chunk = checkShape(answerChunkSchema, { id: '', created: 0, model: '', ...plain(json) });
  if (!counts.success || !chunk.success) {
    throw new AppError('engine-failed', 'The engine sent something other than an answer.');
  }
  const { usage, timings, model } = counts.data;
  const piece = pieceOf(chunk.data);
  return {
    piece: piece === null ? null : { ...piece, tokens: [] },
    finishReason: chunk.data.choices[0]?.finish_reason ?? null,
    counts: usage ? countsOfUsage(usage) : timings ? countsOfTimings(timings) : null,
    isUsage: Boolean(usage),
    times: timings ? { prefillMs: timings.prompt_ms, decodeMs: timings.predicted_ms } : null,
    model: model === undefined || model === '' ? null : model,
  };
}

function parsed(data: string): unknown {
  try {
    return parseJson(data);
  } catch {
    throw new AppError('engine-failed', 'The engine sent something other than JSON.');
  }
}

/** Takes the names that other servers use as OpenAI's, and leaves out what this program doesn't read. */
function plain(json: unknown): Record<string, unknown> {
  const whole = z
    .object({ choices: z.array(z.looseObject({ delta: z.looseObject({}).nullish() })) })
    .safeParse(json);
  if (!whole.success) return {};
  return {
    choices: whole.data.choices.map(({ delta, token_ids: _, ...choice }) => ({
      ...choice,
      // Some servers send only their last choice with an index.
      index: choice.index ?? 0,
      ...(delta && {
        delta: { ...delta, reasoning_content: delta.reasoning_content ?? delta.reasoning ?? null },
      }),
    })),
  };
}

function countsOfUsage(usage: z.output<typeof usageSchema>): ReportedCounts {
  return {
    inputTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? null,
    outputTokens: usage.completion_tokens ?? 0,
  };
}

function countsOfTimings({
  prompt_n,
  cache_n = 0,
  predicted_n,
}: z.output<typeof timingsSchema>): ReportedCounts {
  return { inputTokens: prompt_n + cache_n, cachedTokens: null, outputTokens: predicted_n };
}
