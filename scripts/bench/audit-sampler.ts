/**
 * Measures what our own choice of tokens costs: the time that the library's sampler takes with and without reporting its
 * candidates, and the time of the choice among them, against the time of a decode step of one stream.
 */
import { getLlama, type LlamaContextSequence, type LlamaModel, type Token } from 'node-llama-cpp';
import {
  createChoice,
  planSampling,
  type SamplingPlan,
  samplerOptions,
} from '../../main/adapters/llama/sampling.ts';
import { median } from '../../shared/statistics.ts';
import { progress } from './result.ts';

const ROUNDS = 6;
const TOKENS = 96;
const REQUEST = { temperature: 0.7, topP: 1, seed: 1 };

/** The parts of the library's native context whose calls are timed. */
interface NativeContext {
  sampleToken(...values: unknown[]): Promise<unknown>;
  decodeBatch(): Promise<void>;
}

interface Timed {
  readonly sampleMs: number[];
  readonly decodeMs: number[];
  readonly chooseMs: number[];
}

export async function measureSampler(path: string): Promise<Record<string, number>> {
  progress('Sampling with and without our own choice.');
  const llama = await getLlama({
    build: 'never',
    gpu: false,
    maxThreads: 0,
    progressLogs: false,
    logger: () => {},
  });
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({ contextSize: 512, threads: 1 });
  const sequence = context.getSequence();
  const { _ctx: native } = context as unknown as { _ctx: NativeContext };
  const own: Timed = { sampleMs: [], decodeMs: [], chooseMs: [] };
  const library: Timed = { sampleMs: [], decodeMs: [], chooseMs: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    await generate(model, sequence, watch(native, library), true);
    await generate(model, sequence, watch(native, own), false);
  }
  await context.dispose();
  await model.dispose();
  await llama.dispose();
  const middle = (values: readonly number[]) => median(values) ?? Number.NaN;
  const costMs = middle(own.sampleMs) - middle(library.sampleMs) + middle(own.chooseMs);
  return {
    samplerLibraryMicroseconds: 1_000 * middle(library.sampleMs),
    samplerOwnMicroseconds: 1_000 * (middle(own.sampleMs) + middle(own.chooseMs)),
    samplerCostPercent: (100 * costMs) / (middle(library.decodeMs) + middle(library.sampleMs)),
  };
}

/** Times the calls of the library from now on. */
function watch(native: NativeContext, into: Timed): Timed {
  const { sampleToken, decodeBatch } = Object.getPrototypeOf(native) as NativeContext;
  const timed = <V extends unknown[], R>(call: (...values: V) => Promise<R>, times: number[]) => ({
    configurable: true,
    value: async (...values: V) => {
      const startMs = performance.now();
      const result = await call.apply(native, values);
      times.push(performance.now() - startMs);
      return result;
    },
  });
  Object.defineProperty(native, 'sampleToken', timed(sampleToken, into.sampleMs));
  Object.defineProperty(native, 'decodeBatch', timed(decodeBatch, into.decodeMs));
  return into;
}

async function generate(
  model: LlamaModel,
  sequence: LlamaContextSequence,
  timed: Timed,
  byLibrary: boolean,
): Promise<void> {
  await sequence.clearHistory();
  const planned = planSampling(REQUEST);
  const plan: SamplingPlan = byLibrary ? { ...planned, method: 'other' } : planned;
  const generated: Token[] = [];
  const surroundings = { generated: () => generated, isBound: false };
  const options = { ...samplerOptions(model, REQUEST, plan, surroundings), yieldEogToken: true };
  const prompt = model.tokenize('The river was quiet in the morning, and then');
  const choose = createChoice(model, REQUEST, plan, null);
  if (choose === null) {
    const tokens = sequence.evaluate(prompt, options);
    while (generated.length < TOKENS) {
      const { value, done } = await tokens.next();
      if (done) break;
      generated.push(value);
    }
    await tokens.return();
    return;
  }
  const tokens = sequence.evaluateWithMetadata(prompt, { probabilities: true }, options);
  let chosen: Token | undefined;
  while (generated.length < TOKENS) {
    const { value, done } = await tokens.next(chosen);
    if (done) break;
    const startMs = performance.now();
    const choice = choose({ probabilities: value.probabilities, generated });
    if (choice === null) throw new Error('without a grammar every candidate is allowed');
    chosen = choice.token;
    timed.chooseMs.push(performance.now() - startMs);
    generated.push(chosen);
  }
  await tokens.return();
}
