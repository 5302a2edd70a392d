/** Embeddings in OpenAI's format, and as the events in which a provider sends them to the gateway. */
import type { AnswerEnd, AnswerFormat, AnswerHead } from './answer-format.ts';
import type { AnswerPiece } from './answer-pieces.ts';
import type { Usage } from './openai-chunks.ts';
import { failureEvent } from './openai-errors.ts';

export function embeddingsFormat(head: AnswerHead): AnswerFormat {
  const { asked, jobId, createdAtS } = head;
  const chunk = (vectors: readonly string[], usage: Usage | null) =>
    `data: ${JSON.stringify({ id: `embd-${jobId}`, created: createdAtS, model: asked.model, choices: [], vectors, usage })}\n\n`;
  return {
    opening: () => '',
    piece: ({ vectors = [] }) =>
      groups(vectors)
        .map((group) => chunk(group, null))
        .join(''),
    closing: ({ usage }) => `${chunk([], usage)}data: [DONE]\n\n`,
    whole: (pieces, end) => wholeEmbeddings(head, pieces, end),
    failure: failureEvent,
  };
}

/** Vectors of one event, in characters; readers limit the size of an event. */
const EVENT_CHARACTERS_MAX = 128 * 1024;

function groups(vectors: readonly string[]): string[][] {
  const grouped: string[][] = [];
  let characters = 0;
  for (const vector of vectors) {
    const last = grouped.at(-1);
    characters += vector.length;
    if (last && characters <= EVENT_CHARACTERS_MAX) {
      last.push(vector);
    } else {
      grouped.push([vector]);
      characters = vector.length;
    }
  }
  return grouped;
}

function wholeEmbeddings(
  { asked }: AnswerHead,
  pieces: readonly AnswerPiece[],
  { usage }: AnswerEnd,
): Record<string, unknown> {
  const vectors = pieces.flatMap((piece) => piece.vectors ?? []);
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: asked.isBase64 ? vector : floatsOf(vector),
    })),
    model: asked.model,
    usage: { prompt_tokens: usage.prompt_tokens, total_tokens: usage.total_tokens },
  };
}

function floatsOf(vector: string): number[] {
  const view = new DataView(bytesOf(vector).buffer);
  return Array.from({ length: Math.floor(view.byteLength / 4) }, (_, index) =>
    view.getFloat32(index * 4, true),
  );
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = base64.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let length = 0;
  for (const character of text) {
    bits = ((bits << 6) | BASE64.indexOf(character)) & 0xffff;
    length += 1;
    // Each character but every fourth completes a byte.
    const index = Math.floor((length * 6) / 8) - 1;
    if (length % 4 !== 1) bytes[index] = bits >> ((length * 6) % 8);
  }
  return bytes;
}
