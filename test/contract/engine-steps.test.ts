/**
 * Verifies: answers that run together share every batch of the library, in the order of their sequences, a long prompt
 * rides along in parts, and computed tokens are reused for their requester only.
 * Setup: the engine's own model runner with the tiny model in this process, and the batches that the library is given.
 * Fails if: an update of the library, or a change here, makes answers miss the common batch, or reuse changes an answer.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { getLlama, type Llama } from 'node-llama-cpp';
import { createDuty } from '../../main/adapters/llama/duty.ts';
import { type LlamaRunner, loadRunner } from '../../main/adapters/llama/llama-model.ts';
import type { EngineEvent } from '../../main/ports/engine-process.ts';

const TINY = fileURLToPath(new URL('../../resources/models/idlewatt-tiny.gguf', import.meta.url));
const STREAMS = 4;
const NEVER = new AbortController().signal;

/** One batch: the sequences in it with their numbers of tokens, in order. */
type SeenBatch = [sequence: number, tokens: number][];

/** The parts of the library's native context that are observed. */
interface NativeContext {
  initBatch(size: number): void;
  addToBatch(sequence: number, first: number, tokens: Uint32Array, logits: Uint32Array): unknown;
  decodeBatch(): Promise<void>;
}

const batches: SeenBatch[] = [];
/** Batches whose computation has begun. */
let begunBatches = 0;
let llama: Llama;
let runner: LlamaRunner;
let lastId = 0;

/** The library's own class, with methods that record what they are given. */
function observed(Native: new (...values: unknown[]) => NativeContext): typeof Native {
  return class extends Native {
    override initBatch(size: number): void {
      batches.push([]);
      super.initBatch(size);
    }
    override addToBatch(...item: Parameters<NativeContext['addToBatch']>): unknown {
      const [sequence, , tokens] = item;
      batches.at(-1)?.push([sequence, tokens.length]);
      return super.addToBatch(...item);
    }
    override decodeBatch(): Promise<void> {
      begunBatches += 1;
      return super.decodeBatch();
    }
  };
}

before(async () => {
  llama = await getLlama({
    build: 'never',
    gpu: false,
    maxThreads: 0,
    progressLogs: false,
    logger: () => {},
  });
  const { _bindings: bindings } = llama as unknown as {
    _bindings: { AddonContext: Parameters<typeof observed>[0] };
  };
  bindings.AddonContext = observed(bindings.AddonContext);
  const options = { contextTokens: 1_024, sequences: STREAMS, threads: 1, graphicsMemoryBytesMax: null };
  const llamas = { preferred: llama, processor: async () => llama };
  const pace = { duty: createDuty(), threadsMax: () => null };
  runner = await loadRunner(llamas, { type: 'load', request: 1, path: TINY, ...options }, pace);
});
after(async () => {
  await runner.dispose();
  await llama.dispose();
});

async function answer(text: string, maxTokens: number, requester: string | null = null, signal = NEVER) {
  lastId += 1;
  let tokens: number[] = [];
  const emit = (event: EngineEvent) => {
    if (event.type === 'text') tokens = [...tokens, ...event.tokens];
  };
  const sampling = { temperature: 0, topP: 1, seed: 1, stop: [] };
  const prompt = { kind: 'chat' as const, messages: [{ role: 'user' as const, content: text }] };
  const request = { prompt, maxTokens, ...sampling, requester };
  const end = await runner.generate({ type: 'generate', id: lastId, request }, signal, emit);
  assert.ok(end.type === 'end');
  return { end, tokens };
}

describe('batches of the library', () => {
  it('hold a token of every running answer, in the order of the sequences', async () => {
    batches.length = 0;
    const length = 40;
    const answers = await Promise.all(
      Array.from({ length: STREAMS }, (_, index) => answer(`What is number ${index}?`, length)),
    );
    const full = batches.filter((batch) => batch.every(([, tokens]) => tokens === 1));
    const sizes = full.map((batch) => batch.length);
    // Each answer makes its first token with the last part of its prompt, and may end earlier than the others.
    const shortest = Math.min(...answers.map(({ end }) => end.outputTokens));
    assert.ok(shortest > 10, `the shortest answer has ${shortest} tokens`);
    assert.deepEqual(sizes.slice(0, shortest - 1), Array(shortest - 1).fill(STREAMS));
    for (const batch of full)
      assert.deepEqual(
        batch.map(([id]) => id),
        batch.map(([id]) => id).sort(),
      );
  });

  it('take a long prompt in parts along with the tokens of the others', async () => {
    const running = answer('Tell me about the river.', 60);
    batches.length = 0;
    const { end } = await answer('The cat and the harbour. '.repeat(60), 1);
    const parts = batches.filter((batch) => batch.some(([, tokens]) => tokens > 1));
    await running;
    assert.ok(end.inputTokens > 300, `${end.inputTokens} tokens`);
    assert.ok(parts.every((batch) => batch.every(([, tokens]) => tokens <= 128)));
    const shared = parts.filter((batch) => batch.length === 2);
    assert.ok(shared.length >= Math.floor(end.inputTokens / 128), JSON.stringify(parts));
  });
});

describe('text of an answer', () => {
  /** Returns for each event with text how many batches had begun. */
  async function begunAtTexts(stop: string[], signal = NEVER, onText = () => {}) {
    lastId += 1;
    const begun: number[] = [];
    let tokens = 0;
    const emit = (event: EngineEvent) => {
      if (event.type !== 'text') return;
      begun.push(begunBatches);
      tokens += event.tokens.length;
      onText();
    };
    const messages = [{ role: 'user' as const, content: 'What is number 1?' }];
    const prompt = { kind: 'chat' as const, messages };
    const request = { prompt, maxTokens: 12, temperature: 0, topP: 1, seed: 1, stop };
    begunBatches = 0;
    const end = await runner.generate({ type: 'generate', id: lastId, request }, signal, emit);
    assert.ok(end.type === 'end');
    assert.equal(tokens, end.outputTokens, 'every token is delivered before the end');
    return { begun, end };
  }

  it('is made while the next step computes', async () => {
    const { begun } = await begunAtTexts([]);
    assert.ok(begun.length > 5, `${begun.length} texts`);
    // The last token has no next step.
    const steps = begun.map((_, index) => index + 2);
    assert.deepEqual(begun.slice(0, -1), steps.slice(0, -1));
  });

  it('is made before the next step if it may end the answer', async () => {
    const { begun } = await begunAtTexts(['\u0000']);
    assert.equal(begun[0], 1);
  });

  it('is complete when the answer is aborted', async () => {
    const controller = new AbortController();
    const { end } = await begunAtTexts([], controller.signal, () => controller.abort());
    assert.equal(end.reason, 'aborted');
    assert.ok(end.outputTokens >= 1);
  });
});

describe('computed tokens', () => {
  const conversation = 'The harbour is quiet. '.repeat(20);

  it('are reused for the same requester, with the same answer as before', async () => {
    const first = await answer(conversation, 8, 'alice');
    const again = await answer(conversation, 8, 'alice');
    assert.equal(again.end.cachedTokens, first.end.inputTokens - 1);
    assert.deepEqual(again.tokens, first.tokens);
    assert.equal(again.end.inputTokens, first.end.inputTokens);
    assert.equal(again.end.readTokens, again.end.inputTokens);
  });

  it('are not computed again', async () => {
    const text = `${conversation} Another one.`;
    await answer(text, 1, 'alice');
    batches.length = 0;
    await answer(text, 1, 'alice');
    assert.deepEqual(
      batches.map((batch) => batch.map(([, tokens]) => tokens)),
      [[1]],
    );
  });

  it('are not counted as read for a requester that left before anything was computed', async () => {
    await answer(conversation, 1, 'grace');
    const { end } = await answer(conversation, 1, 'grace', AbortSignal.abort());
    assert.equal(end.cachedTokens, end.inputTokens - 1);
    assert.deepEqual([end.reason, end.readTokens, end.outputTokens], ['aborted', 0, 0]);
  });

  it('are computed again for another requester, but for the beginning that the template writes', async () => {
    const text = `${conversation} A secret.`;
    const { end } = await answer(text, 1, 'alice');
    // More than there are sequences, so that some take the one that holds the text.
    for (const other of ['bob', null, 'carol', 'dave', 'erin', 'frank']) {
      batches.length = 0;
      const cachedTokens = (await answer(text, 1, other)).end.cachedTokens ?? 0;
      const computed = batches.flat().reduce((sum, [, tokens]) => sum + tokens, 0);
      assert.equal(computed, end.inputTokens - cachedTokens);
      // What another text would reuse as well: nothing that depends on the text.
      const unrelated = (await answer('7', 1, other)).end;
      assert.ok(cachedTokens <= unrelated.inputTokens - 1, `${cachedTokens} of ${unrelated.inputTokens}`);
    }
  });
});
