/** Generates prompts for the practice requester: realistic, varied, and repeatable from a seed. */
import type { ChatMessage } from '../../ports/engine.ts';

export interface PracticePrompt {
  readonly messages: readonly ChatMessage[];
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
}

const TASKS = [
  (topic: string) => `Explain ${topic} to a twelve-year-old in three sentences.`,
  (topic: string) => `Write a short product description for a book about ${topic}.`,
  (topic: string) => `List four facts about ${topic}.`,
  (topic: string) => `Write an e-mail that asks a colleague for notes about ${topic}.`,
  (topic: string) => `What are the advantages and the risks of ${topic}?`,
  (topic: string) => `Summarize what a newcomer should know about ${topic}.`,
  (topic: string) => `Write a four-line poem about ${topic}.`,
  (topic: string) => `Give me three titles for a talk about ${topic}.`,
];

const TOPICS = [
  'heat pumps',
  'the water cycle',
  'public libraries',
  'bread baking',
  'tidal power',
  'learning the violin',
  'night trains',
  'composting',
  'open-source software',
  'the history of maps',
  'bicycle repair',
  'coral reefs',
  'weather forecasts',
  'chess openings',
  'city trees',
  'home insulation',
];

const SYSTEMS = ['You are a helpful assistant.', 'You answer briefly and plainly.', null];

/** Yields an endless stream of prompts; the same seed yields the same ones. */
export function* practicePrompts(seed: number): Generator<PracticePrompt, never, void> {
  const random = mulberry32(seed);
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  while (true) {
    const system = pick(SYSTEMS);
    const content = pick(TASKS)(pick(TOPICS));
    yield {
      messages: [
        ...(system ? [{ role: 'system' as const, content: system }] : []),
        { role: 'user', content },
      ],
      maxTokens: 24 + Math.floor(random() * 73),
      temperature: 0.7,
      seed: Math.floor(random() * 2 ** 31),
    };
  }
}

/** Returns uniform numbers in [0, 1) from a 32-bit seed (Tommy Ettinger's mulberry32, public domain). */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
