/** Two paths to the same engine, which `serve` compares: bought through the gateway, and called directly. */
import type { Engine } from '../../main/ports/engine.ts';

/** The address and key of an agent's gateway. */
export interface Gateway {
  readonly baseUrl: string;
  readonly key: string;
}

export interface Question {
  readonly text: string;
  readonly maxTokens: number;
}

export interface Answer {
  readonly firstTokenMs: number;
  readonly totalMs: number;
  readonly outputTokens: number;
}

/** Sends one prompt and reads the whole stream. */
export type Ask = (question: Question) => Promise<Answer>;

/** Requests like any OpenAI client, streaming. */
export function throughGateway(gateway: Gateway, model: string): Ask {
  return async (question) => {
    const startMs = performance.now();
    let firstTokenMs: number | null = null;
    let outputTokens: number | null = null;
    for await (const chunk of requestChat(gateway, model, question)) {
      if (chunk.choices?.[0]?.delta?.content) firstTokenMs ??= performance.now() - startMs;
      outputTokens = chunk.usage?.completion_tokens ?? outputTokens;
    }
    if (firstTokenMs === null || outputTokens === null)
      throw new Error('The response was empty or had no usage.');
    return { firstTokenMs, totalMs: performance.now() - startMs, outputTokens };
  };
}

/** Requests a streamed answer at temperature 0, and yields its chunks. Fails for a refusal, and for an error in the stream. */
export async function* requestChat(
  { baseUrl, key }: Gateway,
  model: string,
  { text, maxTokens }: Question,
): AsyncGenerator<ChatChunk> {
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content: text }],
      max_tokens: maxTokens,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    }),
  });
  if (!response.ok || response.body === null) {
    throw new Error(
      `The gateway returned status ${response.status}: ${(await response.text()).slice(0, 300)}`,
    );
  }
  for await (const chunk of chatChunks(response.body)) {
    if (chunk.error !== undefined)
      throw new Error(`The response ended with an error: ${chunk.error.message}`);
    yield chunk;
  }
}

/**
 * Calls the engine's port in the process that owns it, without gateway, network, payment or ledger. `requester` is the
 * payer within whose prompts computed tokens are reused.
 */
export function directly(engine: Engine, requester: string | null = null): Ask {
  return async ({ text, maxTokens }) => {
    const startMs = performance.now();
    let firstTokenMs: number | null = null;
    const events = engine.generate(
      {
        prompt: { kind: 'chat', messages: [{ role: 'user', content: text }] },
        maxTokens,
        temperature: 0,
        topP: 1,
        seed: null,
        stop: [],
        requester,
      },
      new AbortController().signal,
    );
    for await (const event of events) {
      if (event.type === 'text' && event.text !== '') firstTokenMs ??= performance.now() - startMs;
      if (event.type !== 'end') continue;
      if (firstTokenMs === null) throw new Error('The response was empty.');
      return { firstTokenMs, totalMs: performance.now() - startMs, outputTokens: event.outputTokens };
    }
    throw new Error('The engine did not end its response.');
  };
}

interface ChatChunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
  readonly usage?: { readonly completion_tokens?: number } | null;
  readonly error?: { readonly message?: string };
}

/** Returns the unnamed events of a stream; the gateway's named ones (the receipt) are not part of the response. */
async function* chatChunks(body: AsyncIterable<Uint8Array>): AsyncGenerator<ChatChunk> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body) {
    const blocks = (rest + decoder.decode(bytes, { stream: true })).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split(/\r?\n/);
      const data = lines.find((line) => line.startsWith('data: '))?.slice('data: '.length);
      if (data === undefined || data === '[DONE]' || lines.some((line) => line.startsWith('event: ')))
        continue;
      yield JSON.parse(data) as ChatChunk;
    }
  }
}
