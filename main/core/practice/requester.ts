/**
 * Requester of the practice network: sends requests to its own gateway at a steady pace, as any OpenAI client would.
 * It reaches the provider only through what the gateway finds over the network.
 */
import type { Clock, Timer } from '../../ports/clock.ts';
import { type PracticePrompt, practicePrompts } from './prompts.ts';

export interface RequesterOptions {
  readonly gateway: { readonly baseUrl: string; readonly key: string };
  readonly clock: Clock;
  readonly seed: number;
  /** Time between the end of one response and the next request. */
  readonly paceMs: number;
  readonly fetch: typeof fetch;
  /** Called at the end of each request; a failure's text is the gateway's own, which contains no content. */
  readonly onAnswer?: (result: { ok: true } | { ok: false; message: string }) => void;
}

export interface Requester {
  stop(): void;
}

/** Sends requests until it is stopped; after a failure (no provider yet, owner paused) it continues at its pace. */
export function startRequester(options: RequesterOptions): Requester {
  const prompts = practicePrompts(options.seed);
  const stopping = new AbortController();
  let timer: Timer | null = null;

  const next = () => {
    timer = options.clock.after(options.paceMs, () => void ask());
  };
  const ask = async () => {
    try {
      const model = await firstModel(options, stopping.signal);
      if (model !== null) {
        await askOnce(options, model, prompts.next().value, stopping.signal);
        options.onAnswer?.({ ok: true });
      }
    } catch (error) {
      if (stopping.signal.aborted) return;
      options.onAnswer?.({ ok: false, message: error instanceof Error ? error.message : String(error) });
    }
    if (!stopping.signal.aborted) next();
  };
  next();

  return {
    stop() {
      stopping.abort();
      timer?.cancel();
    },
  };
}

/** Returns the first model that is offered now, or null. */
export async function firstModel(
  options: Pick<RequesterOptions, 'gateway' | 'fetch'>,
  signal?: AbortSignal,
): Promise<string | null> {
  const response = await options.fetch(`${options.gateway.baseUrl}/models`, {
    headers: { authorization: `Bearer ${options.gateway.key}` },
    ...(signal && { signal }),
  });
  if (!response.ok) throw new Error(await failure(response));
  const list = (await response.json()) as { data: { id: string }[] };
  return list.data[0]?.id ?? null;
}

/** Sends one request and streams the response to its end; its text is discarded. */
export async function askOnce(
  options: Pick<RequesterOptions, 'gateway' | 'fetch'>,
  model: string,
  prompt: PracticePrompt,
  signal?: AbortSignal,
): Promise<void> {
  const response = await options.fetch(`${options.gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${options.gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: prompt.messages,
      max_tokens: prompt.maxTokens,
      temperature: prompt.temperature,
      seed: prompt.seed,
      stream: true,
    }),
    ...(signal && { signal }),
  });
  if (!response.ok) throw new Error(await failure(response));
  const text = await response.text();
  const broken = /"error":\s*\{[^}]*"message":\s*"([^"]*)"/.exec(text);
  if (broken) throw new Error(broken[1]);
  if (!text.includes('[DONE]')) throw new Error('The response ended before [DONE].');
}

async function failure(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { error?: { message?: string } };
    return `${response.status} ${body.error?.message ?? ''}`.trim();
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}
