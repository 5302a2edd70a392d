/** Clients of the gateway while processes are killed: each response completes or breaks off, and never hangs. */
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';

/** Maximum time for a response or an error, including the gateway's retries. */
const STREAM_MS_MAX = 90_000;

export interface Answer {
  readonly complete: boolean;
  readonly pieces: number;
  /** The response neither ended nor broke off in time. */
  readonly hung: boolean;
}

export interface AnswerRequest {
  readonly maxTokens: number;
  readonly seed: number;
  /** Called with the number of pieces so far. */
  readonly onPiece?: (pieces: number) => void;
}

/** Buys one streamed response. Never throws. */
export async function buyAnswer(
  gateway: { readonly baseUrl: string; readonly key: string },
  { maxTokens, seed, onPiece }: AnswerRequest,
): Promise<Answer> {
  const limit = AbortSignal.timeout(STREAM_MS_MAX);
  let pieces = 0;
  let complete = false;
  try {
    const response = await fetch(`${gateway.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: TINY_MODEL_ID,
        messages: [{ role: 'user', content: `Tell story number ${seed}.` }],
        max_tokens: maxTokens,
        seed,
        temperature: 1,
        stream: true,
      }),
      signal: limit,
    });
    const text = response.body?.pipeThrough(new TextDecoderStream());
    if (text === undefined || response.status !== 200) {
      await response.body?.cancel();
      return { complete, pieces, hung: false };
    }
    for await (const part of text) {
      const before = pieces;
      pieces += part.split('"content":').length - 1;
      if (pieces > before) onPiece?.(pieces);
      if (part.includes('[DONE]')) complete = true;
    }
  } catch {
    // Broken off by a kill, or by our own time limit.
  }
  return { complete, pieces, hung: limit.aborted };
}
