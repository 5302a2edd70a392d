/**
 * Contract of every {@link Engine}: one suite, run on the fake that other tests rely on and on the real adapter with
 * the tiny model.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Engine, GenerateEvent, GenerateRequest, GivenBack } from '../../main/ports/engine.ts';
import { isAppError } from '../../shared/errors.ts';

export interface EngineBench {
  readonly engine: Engine;
  /** Kills the engine process immediately; resolves when the engine is ready again. */
  crash(): Promise<void>;
  /** The ways in which it hands back while it computes, and while it doesn't. Default: those of an engine process. */
  readonly handsBackAs?: readonly [GivenBack['how'], GivenBack['how']];
  close(): Promise<void>;
}

/** Load options of the suite. */
export const SUITE_LOAD = { contextTokens: 2048, sequences: 2, threads: 1, graphicsMemoryBytesMax: null };

const NEVER = new AbortController().signal;

export function request(change: Partial<GenerateRequest> = {}): GenerateRequest {
  const messages = [{ role: 'user' as const, content: 'Tell me about the river.' }];
  const sampling = { temperature: 1, topP: 1, seed: 1, stop: [] };
  return { prompt: { kind: 'chat', messages }, maxTokens: 12, ...sampling, ...change };
}

/** A response that the tiny model does not end on its own, long enough to be stopped half-way. */
export const LONG: Partial<GenerateRequest> = {
  prompt: { kind: 'text', text: 'The river runs' },
  temperature: 0,
  maxTokens: 2000,
};

export async function collect(events: AsyncIterable<GenerateEvent>) {
  const all: GenerateEvent[] = [];
  for await (const event of events) all.push(event);
  const text = all.map((event) => (event.type === 'text' ? event.text : '')).join('');
  const tokens = all.flatMap((event) => (event.type === 'text' ? event.tokens : []));
  const end = all.at(-1);
  assert.ok(end?.type === 'end', 'the last event is the end');
  return { all, text, tokens, end };
}

/** Access to the engine that the hooks of the suite have opened. */
interface Suite {
  readonly bench: () => EngineBench;
  readonly generate: (
    change?: Partial<GenerateRequest>,
    signal?: AbortSignal,
  ) => AsyncIterable<GenerateEvent>;
}

export function describeEngine(name: string, open: () => Promise<EngineBench>): void {
  describe(name, () => {
    let opened: EngineBench;
    before(async () => {
      opened = await open();
    });
    after(() => opened.close());
    const suite: Suite = {
      bench: () => opened,
      generate: (change = {}, signal = NEVER) => opened.engine.generate(request(change), signal),
    };
    describe('responses', () => testResponses(suite));
    describe('limits and aborts', () => testLimits(suite));
    describe('crash, unload and hand-back', () => testLifeCycle(suite));
  });
}

function testResponses({ bench, generate }: Suite): void {
  it('is ready with the requested options', () => {
    const status = bench().engine.status();
    assert.ok(status.state === 'ready');
    assert.equal(status.loaded.contextTokens, SUITE_LOAD.contextTokens);
    assert.equal(status.loaded.sequences, SUITE_LOAD.sequences);
    assert.equal(status.activeSequences, 0);
  });

  it('starts with the input count, streams, and ends once with the count of delivered tokens', async () => {
    const { all, tokens, end } = await collect(generate());
    assert.equal(all[0]?.type, 'start');
    assert.equal(all.filter((event) => event.type === 'end').length, 1);
    assert.equal(end.outputTokens, tokens.length);
    assert.ok(end.inputTokens > 0 && all[0]?.type === 'start' && all[0].inputTokens === end.inputTokens);
  });

  it('generates at most maxTokens and reports `length`', async () => {
    const { tokens, end } = await collect(generate({ maxTokens: 3 }));
    assert.equal(tokens.length, 3);
    assert.equal(end.reason, 'length');
  });

  it('repeats a response with the same seed', async () => {
    const first = await collect(generate({ seed: 5 }));
    const second = await collect(generate({ seed: 5 }));
    assert.deepEqual(second.tokens, first.tokens);
    assert.equal(second.text, first.text);
  });

  it('repeats a response at temperature 0, regardless of what ran in between', async () => {
    const first = await collect(generate({ temperature: 0, seed: null }));
    await collect(generate({ prompt: { kind: 'text', text: 'The cat and the harbour' }, seed: 9 }));
    const second = await collect(generate({ temperature: 0, seed: null }));
    assert.equal(second.text, first.text);
  });

  it('ends before a stop string and never delivers it', async () => {
    const whole = await collect(generate());
    const stop = whole.text.slice(4, 7);
    const { text, tokens, end } = await collect(generate({ stop: [stop] }));
    assert.equal(end.reason, 'stop');
    assert.equal(text, whole.text.slice(0, whole.text.indexOf(stop)));
    assert.ok(tokens.length < whole.tokens.length);
    assert.equal(end.outputTokens, tokens.length);
  });
}

function testLimits({ bench, generate }: Suite): void {
  it('stops when aborted, and the end counts the delivered tokens', async () => {
    const controller = new AbortController();
    const tokens: number[] = [];
    let end: GenerateEvent | null = null;
    for await (const event of generate(LONG, controller.signal)) {
      if (event.type === 'text') {
        tokens.push(...event.tokens);
        controller.abort();
      }
      if (event.type === 'end') end = event;
    }
    assert.ok(end?.type === 'end' && end.reason === 'aborted');
    assert.equal(end.outputTokens, tokens.length);
    assert.ok(tokens.length < 2000);
  });

  it('delivers nothing if aborted before the start', async () => {
    const { tokens, end } = await collect(generate({}, AbortSignal.abort()));
    assert.equal(tokens.length, 0);
    assert.equal(end.reason, 'aborted');
  });

  it('serves more requests than sequences, each with its own complete response', async () => {
    const prompts = ['a cat', 'the river', 'bread', 'the sky', 'a lamp'];
    const answers = await Promise.all(
      prompts.map((text) => collect(generate({ prompt: { kind: 'text', text }, maxTokens: 6 }))),
    );
    for (const { end, tokens } of answers) assert.equal(end.outputTokens, tokens.length);
    const status = bench().engine.status();
    assert.ok(status.state === 'ready' && status.activeSequences === 0);
  });

  it('rejects a prompt that does not fit its context, and reports its length', async () => {
    const prompt = { kind: 'text' as const, text: 'water '.repeat(1500) };
    await assert.rejects(collect(generate({ prompt, maxTokens: 600 })), (error) => {
      assert.ok(isAppError(error, 'context-exceeded'));
      assert.ok(Number(error.details.inputTokens) > 0);
      assert.equal(error.details.contextTokens, SUITE_LOAD.contextTokens);
      return true;
    });
  });
}

function testLifeCycle({ bench, generate }: Suite): void {
  it('a crash fails the response with the delivered tokens, and the engine recovers automatically', async () => {
    let delivered = 0;
    let crashed: Promise<void> | null = null;
    const reading = (async () => {
      for await (const event of generate(LONG)) {
        if (event.type !== 'text') continue;
        delivered += event.tokens.length;
        crashed ??= bench().crash();
      }
    })();
    await assert.rejects(reading, (error) => {
      assert.ok(isAppError(error, 'engine-failed'));
      assert.equal(error.details.deliveredTokens, delivered);
      return true;
    });
    assert.ok(delivered > 0);
    await crashed;
    const { end } = await collect(generate());
    assert.ok(end.outputTokens > 0);
  });

  it('rejects requests after unloading, and serves again after loading', async () => {
    const status = bench().engine.status();
    assert.ok(status.state === 'ready');
    const { model } = status.loaded;
    await bench().engine.unload();
    assert.equal(bench().engine.status().state, 'stopped');
    await assert.rejects(collect(generate()), (error) => isAppError(error, 'model-unavailable'));
    await bench().engine.load(model, SUITE_LOAD);
    const { end } = await collect(generate());
    assert.ok(end.outputTokens > 0);
  });

  it('a hand-back ends the response as aborted with the delivered tokens; the engine can be loaded again', async () => {
    const status = bench().engine.status();
    assert.ok(status.state === 'ready');
    const { model } = status.loaded;
    let delivered = 0;
    let given: ReturnType<Engine['handBack']> | null = null;
    let end: GenerateEvent | undefined;
    for await (const event of generate(LONG)) {
      if (event.type === 'end') end = event;
      if (event.type !== 'text') continue;
      delivered += event.tokens.length;
      given ??= bench().engine.handBack();
    }
    assert.ok(end?.type === 'end' && end.reason === 'aborted');
    assert.equal(end.outputTokens, delivered);
    const [computing, idle] = bench().handsBackAs ?? ['killed', 'unloaded'];
    assert.equal((await given)?.how, computing);
    assert.equal(bench().engine.status().state, 'stopped');
    assert.equal(await bench().engine.handBack(), null);
    await bench().engine.load(model, SUITE_LOAD);
    assert.equal((await bench().engine.handBack())?.how, idle);
    await bench().engine.load(model, SUITE_LOAD);
  });
}
