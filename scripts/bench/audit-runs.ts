/** Answers of real engines, honest and not, and what an auditor measures of them. */
import { dirname } from 'node:path';
import { z } from 'zod';
import { createLlamaSpawner } from '../../main/adapters/llama/index.ts';
import { createEngineSupervisor } from '../../main/core/engine/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { ChatMessage, Engine, GenerateRequest, LoadOptions } from '../../main/ports/engine.ts';
import { inStreams } from './in-streams.ts';
import { type LlamaServerOptions, startLlamaServer } from './llama-server.ts';
import { raisePriority } from './priority.ts';
import { progress } from './result.ts';

const ANSWER_TOKENS = 48;
/** Answers that are audited at the same time. */
export const AUDITED_TOGETHER = 4;
const CONTEXT_TOKENS = 512;
const NEVER = new AbortController().signal;

/** A question and the answer that a provider claims to have generated for it. */
export interface Claim {
  readonly asked: GenerateRequest;
  readonly tokens: readonly number[];
}

export async function openEngine(
  path: string,
  load: Pick<LoadOptions, 'sequences' | 'threads'>,
): Promise<Engine> {
  const engine = createEngineSupervisor({
    spawn: createLlamaSpawner({ sandbox: { modelFolders: [dirname(path)] } }),
    clock: systemClock,
  });
  const options = { ...load, contextTokens: CONTEXT_TOKENS, graphicsMemoryBytesMax: null };
  await engine.load({ id: 'audited', path, sha256: '' }, options);
  const status = engine.status();
  if (status.state === 'ready' && status.pid !== null) raisePriority([status.pid]);
  return engine;
}

const PLACES = [
  'a harbour',
  'a small library',
  'an old mill',
  'a night train',
  'a roof garden',
  'a workshop',
];
const THINGS = [
  'a lost letter',
  'a broken clock',
  'a recipe for bread',
  'a map',
  'a violin',
  'two chess players',
];
const TASKS = [
  'Tell me a short story about it.',
  'Describe what happens next.',
  'Write a letter about it to a friend.',
  'List what you would need there, and why.',
];

/** Varied questions of about 60 tokens. Each has its own seed. */
export function questions(count: number, temperature: number): readonly GenerateRequest[] {
  return Array.from({ length: count }, (_, index) => {
    const place = PLACES[index % PLACES.length];
    const thing = THINGS[Math.floor(index / PLACES.length) % THINGS.length];
    const task = TASKS[index % TASKS.length];
    const content = `This is about ${place} and ${thing}, on day ${index + 1}. It rains, and nobody else is there. ${task}`;
    return {
      prompt: { kind: 'chat', messages: [{ role: 'user', content }] },
      ...{ maxTokens: ANSWER_TOKENS, temperature, topP: 1, seed: 1_000 + index * 7_919, stop: [] },
    };
  });
}

/** The same question with other messages. */
export function withMessages(
  asked: GenerateRequest,
  change: (messages: readonly ChatMessage[]) => readonly ChatMessage[],
): GenerateRequest {
  if (asked.prompt.kind !== 'chat') return asked;
  return { ...asked, prompt: { ...asked.prompt, messages: change(asked.prompt.messages) } };
}

/** The same question as plain text, without the chat template. */
export function asText(asked: GenerateRequest): GenerateRequest {
  if (asked.prompt.kind !== 'chat') return asked;
  const text = `${asked.prompt.messages.map(({ content }) => content).join('\n')}\n\nIt begins like this:`;
  return { ...asked, prompt: { kind: 'text', text } };
}

/** Answers questions. `served` is what the provider really computes for each. */
export function answerAll(
  engine: Engine,
  asked: readonly GenerateRequest[],
  streams: number,
  served: (question: GenerateRequest) => GenerateRequest = (question) => question,
): Promise<Claim[]> {
  return inStreams(asked, streams, async (question) => {
    const tokens: number[] = [];
    for await (const event of engine.generate(served(question), NEVER))
      if (event.type === 'text') tokens.push(...event.tokens);
    return { asked: question, tokens };
  });
}

/** Answers questions at temperature 0 with another build of llama.cpp. The questions must be plain text. */
export async function answerElsewhere(
  folder: string,
  options: Pick<LlamaServerOptions, 'modelPath' | 'cpuLibrary'>,
  asked: readonly GenerateRequest[],
): Promise<Claim[]> {
  const load = { slots: AUDITED_TOGETHER, contextTokens: CONTEXT_TOKENS, threads: 1 };
  const server = await startLlamaServer(folder, { ...options, ...load });
  progress(`Answering with ${server.description}.`);
  try {
    raisePriority([server.pid]);
    const url = new URL('/completion', server.gateway.baseUrl);
    return await inStreams(asked, AUDITED_TOGETHER, async (question) => {
      const { prompt, maxTokens } = question;
      if (prompt.kind !== 'text') throw new Error('the question isn’t plain text');
      const options = { temperature: 0, return_tokens: true, cache_prompt: true };
      const body = JSON.stringify({ prompt: prompt.text, n_predict: maxTokens, ...options });
      const response = await fetch(url, { method: 'POST', body });
      return { asked: question, tokens: completionSchema.parse(await response.json()).tokens };
    });
  } finally {
    await server.stop();
  }
}

const completionSchema = z.object({ tokens: z.array(z.number()) });

/** Returns for each claim the gaps of its tokens. Empty answers are left out. */
export async function auditAll(
  auditor: Engine,
  claims: readonly Claim[],
): Promise<readonly (readonly number[])[]> {
  const given = claims.filter(({ tokens }) => tokens.length > 0);
  return inStreams(given, AUDITED_TOGETHER, async ({ asked, tokens }) => {
    for await (const event of auditor.generate({ ...asked, maxTokens: 0, claimedTokens: tokens }, NEVER))
      if (event.type === 'gaps') return event.gaps;
    throw new Error('the auditor reported no gaps');
  });
}
