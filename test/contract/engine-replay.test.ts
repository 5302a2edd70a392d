/**
 * Verifies: an answer of the real engine is drawn from the model's own distribution, and another engine repeats its choices
 * from the seed alone, so that any other token, seed, prompt or setting shows.
 * Setup: two real engine processes with the tiny model, with different numbers of threads and sequences.
 * Fails if: the order of masks, penalties and noise differs between drawing and repeating, or a cheat stays unnoticed.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLlamaSpawner } from '../../main/adapters/llama/index.ts';
import { createEngineSupervisor } from '../../main/core/engine/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Engine, GenerateEvent, GenerateRequest, ModelFile } from '../../main/ports/engine.ts';
import { buildTinyModel } from '../../scripts/generators/make-tiny-model.ts';
import type { AnswerJson } from '../../shared/asked.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { isAppError } from '../../shared/errors.ts';
import { collect, request } from './engine-suite.ts';

const NEVER = new AbortController().signal;
const TINY: ModelFile = {
  id: 'idlewatt-tiny',
  path: fileURLToPath(new URL('../../resources/models/idlewatt-tiny.gguf', import.meta.url)),
  sha256: '',
};
const LOAD = { contextTokens: 1_024, graphicsMemoryBytesMax: null };
const HONEST_MEAN_MAX = 0.02;
const CHEAT_MEAN_MIN = 0.1;

let provider: Engine;
let auditor: Engine;
before(async () => {
  const open = () =>
    createEngineSupervisor({ spawn: createLlamaSpawner(), clock: systemClock, restartBaseMs: 10 });
  provider = open();
  auditor = open();
  await provider.load(TINY, { ...LOAD, sequences: 4, threads: 1 });
  await auditor.load(TINY, { ...LOAD, sequences: 4, threads: 2 });
});
after(async () => {
  await provider.stop();
  await auditor.stop();
});

async function answer(asked: GenerateRequest) {
  const { all, tokens } = await collect(provider.generate(asked, NEVER));
  return { tokens, sampling: samplingOf(all) };
}

function samplingOf(events: readonly GenerateEvent[]) {
  const [start] = events;
  return start?.type === 'start' ? start.sampling : undefined;
}

async function gapsOf(asked: GenerateRequest, claimedTokens: readonly number[], by = auditor) {
  const { all, end } = await collect(
    by.generate({ ...asked, maxTokens: 0, claimedTokens, isPatient: true }, NEVER),
  );
  const gaps = all.flatMap((event) => (event.type === 'gaps' ? event.gaps : []));
  return {
    gaps,
    mean: gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length,
    end,
    sampling: samplingOf(all),
  };
}

const PET: AnswerJson = {
  kind: 'schema',
  name: 'pet',
  isStrict: true,
  schema: {
    type: 'object',
    properties: {
      name: { type: 'string' },
      kind: { enum: ['cat', 'dog', 'parrot'] },
      age: { type: 'integer' },
    },
    required: ['name', 'kind', 'age'],
    additionalProperties: false,
  },
};

const NUMBERS = {
  type: 'object',
  properties: { age: { type: 'integer' }, size: { type: 'integer' } },
  required: ['age', 'size'],
  additionalProperties: false,
};

const story = (seed: number, change: Partial<GenerateRequest> = {}) =>
  request({
    ...{ seed, maxTokens: 60, temperature: 0.7 },
    prompt: { kind: 'text', text: `The river and the ${['cat', 'lamp', 'bread', 'sky'][seed % 4]}` },
    ...change,
  });

describe('repeating an answer', () => {
  const settings: readonly [name: string, change: Partial<GenerateRequest>][] = [
    ['the usual settings', {}],
    ['temperature 0', { temperature: 0 }],
    ['temperature 0.1', { temperature: 0.1 }],
    ['temperature 2 and top-p', { temperature: 2, topP: 0.9 }],
    ['few candidates', { sampling: { topK: 5, minP: 0.05 } }],
    ['penalties', { sampling: { frequencyPenalty: 0.5, presencePenalty: 0.5, repeatPenalty: 1.3 } }],
    [
      'biases',
      {
        sampling: {
          logitBias: [
            [300, 4],
            [301, -100],
          ],
        },
      },
    ],
    ['reported probabilities', { topLogprobs: 2 }],
    ['reported probabilities of all tokens', { topLogprobs: 0, sampling: { topK: 0, frequencyPenalty: 1 } }],
    ['JSON', { json: { kind: 'object' } }],
    ['JSON of a schema and top-p', { json: PET, topP: 0.9, temperature: 1.5 }],
    [
      'JSON of a schema and few candidates',
      { json: PET, sampling: { topK: 2, minP: 0.1, repeatPenalty: 1.1 } },
    ],
    ['JSON at temperature 0', { json: PET, temperature: 0 }],
    ['JSON and reported probabilities', { json: PET, topLogprobs: 2 }],
  ];
  for (const [name, change] of settings) {
    it(`finds the tokens that were drawn with ${name}`, async () => {
      const asked = [1, 2, 3, 4].map((seed) => story(seed, change));
      const answers = await Promise.all(asked.map(answer));
      for (const [index, { tokens, sampling }] of answers.entries()) {
        assert.ok(tokens.length > 0);
        const each = forceUnwrap('as many requests as answers', asked[index]);
        const { gaps, mean, end, sampling: own } = await gapsOf(each, tokens);
        assert.equal(gaps.length, tokens.length);
        assert.ok(mean < HONEST_MEAN_MAX, `mean ${mean}: ${gaps.filter((gap) => gap > 0)}`);
        assert.deepEqual(own, sampling);
        assert.equal(end.reason, 'stop');
        assert.equal(end.outputTokens, 0);
      }
    });
  }
});

describe('a repeated answer', () => {
  it('shows another seed, prompt, temperature or token', async () => {
    const asked = [1, 2, 3, 4].map((seed) => story(seed));
    const answers = await Promise.all(asked.map(answer));
    const total = async (change: (each: GenerateRequest) => GenerateRequest) => {
      let sum = 0;
      let count = 0;
      for (const [index, { tokens }] of answers.entries()) {
        const each = change(forceUnwrap('as many requests as answers', asked[index]));
        for (const gap of (await gapsOf(each, tokens)).gaps) sum += gap;
        count += tokens.length;
      }
      return sum / count;
    };
    assert.ok((await total((each) => each)) < HONEST_MEAN_MAX);
    assert.ok((await total((each) => ({ ...each, seed: (each.seed ?? 0) + 1 }))) > CHEAT_MEAN_MIN);
    assert.ok((await total((each) => ({ ...each, temperature: 2 }))) > CHEAT_MEAN_MIN);
    const other = { kind: 'text' as const, text: 'To make bread you take' };
    assert.ok((await total((each) => ({ ...each, prompt: other }))) > CHEAT_MEAN_MIN);
  });

  it('is the same alongside others of other lengths', async () => {
    const lengths = [40, 9, 60, 23];
    const asked = lengths.map((maxTokens, index) => story(index + 1, { maxTokens, temperature: 1 }));
    const answers = await Promise.all(asked.map(answer));
    const repeat = (index: number) =>
      gapsOf(forceUnwrap('a request', asked[index]), forceUnwrap('an answer', answers[index]).tokens);
    const running = collect(auditor.generate(story(9, { maxTokens: 200 }), NEVER));
    const together = await Promise.all([0, 1, 2, 3].map(repeat));
    await running;
    for (const { mean, gaps } of together)
      assert.ok(mean < HONEST_MEAN_MAX, `${mean} in ${gaps.length} tokens`);
  });

  it('counts the most for tokens that the vocabulary doesn’t have, and for those after them', async () => {
    const asked = story(1);
    const { tokens } = await answer(asked);
    const { gaps } = await gapsOf(asked, [...tokens.slice(0, 5), 0x7fff_ffff, 5]);
    assert.deepEqual(gaps.slice(5), [2, 2]);
    assert.ok(gaps.slice(0, 5).every((gap) => gap < 2));
  });

  it('reads a long prompt in parts, and is given up when it is aborted', async () => {
    const prompt = { kind: 'text' as const, text: 'The cat and the harbour. '.repeat(60) };
    const asked = story(1, { prompt, maxTokens: 40 });
    const { tokens } = await answer(asked);
    const { mean, end } = await gapsOf(asked, tokens);
    assert.ok(mean < HONEST_MEAN_MAX && end.inputTokens > 300);
    const leaving = new AbortController();
    auditor.setDuty(1);
    const events: GenerateEvent[] = [];
    for await (const event of auditor.generate(
      { ...asked, maxTokens: 0, claimedTokens: tokens },
      leaving.signal,
    )) {
      events.push(event);
      leaving.abort();
    }
    auditor.setDuty(100);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['start', 'end'],
    );
    const last = events.at(-1);
    assert.ok(last?.type === 'end' && last.reason === 'aborted');
  });

  it('is refused where choices can’t be repeated, without a seed, and beyond the context', async () => {
    const refused = (asked: GenerateRequest, code: 'bad-request' | 'context-exceeded', tokens = [5]) =>
      assert.rejects(gapsOf(asked, tokens), (error) => isAppError(error, code));
    await refused(story(1, { sampling: { topK: 0 } }), 'bad-request');
    await refused(story(1, { seed: null }), 'bad-request');
    await refused(story(1), 'context-exceeded', Array(1_024).fill(5));
    await refused(story(1), 'bad-request', []);
    await refused(story(1), 'bad-request', [-1]);
  });
});

describe('a repeated answer that a grammar binds', () => {
  it('is bound even where the grammar allows none of the candidates, which are too unlikely', async () => {
    // The ends of strings and numbers are far beyond the 1,024 most likely of 5,120 tokens.
    const folder = mkdtempSync(join(tmpdir(), 'idlewatt-copies-'));
    const path = join(folder, 'copies.gguf');
    writeFileSync(path, buildTinyModel({ copies: 7 }));
    const open = async () => {
      const sandbox = { modelFolders: [folder] };
      const engine = createEngineSupervisor({ spawn: createLlamaSpawner({ sandbox }), clock: systemClock });
      await engine.load({ id: 'copies', path, sha256: '' }, { ...LOAD, sequences: 2, threads: 1 });
      return engine;
    };
    const [one, other] = [await open(), await open()];
    try {
      for (const seed of [1, 2, 3]) {
        const asked = story(seed, { json: { ...PET, schema: NUMBERS }, maxTokens: 100 });
        const { text, tokens } = await collect(one.generate(asked, NEVER));
        assert.deepEqual(Object.keys(JSON.parse(text)), ['age', 'size'], text);
        const free = await collect(one.generate({ ...asked, json: null }, NEVER));
        assert.equal((await gapsOf(asked, free.tokens, other)).gaps[0], 2);
        const { gaps, mean } = await gapsOf(asked, tokens, other);
        assert.ok(gaps.length === tokens.length && mean < HONEST_MEAN_MAX, `${gaps}`);
      }
    } finally {
      await Promise.all([one.stop(), other.stop()]);
      rmSync(folder, { recursive: true });
    }
  });

  it('shows what the grammar of the request doesn’t allow, and another seed or schema', async () => {
    const asked = [1, 2, 3, 4].map((seed) => story(seed, { json: PET, temperature: 1 }));
    const answers = await Promise.all(asked.map(answer));
    for (const [index, { tokens }] of answers.entries()) {
      const each = forceUnwrap('as many requests as answers', asked[index]);
      const free = await answer({ ...each, json: null });
      const { gaps } = await gapsOf(each, free.tokens);
      assert.equal(gaps.at(-1), 2, 'text isn’t JSON');
      const { mean, gaps: own } = await gapsOf(each, tokens);
      assert.ok(mean < HONEST_MEAN_MAX, `${own}`);
      assert.ok((await gapsOf({ ...each, seed: index + 9 }, tokens)).mean > HONEST_MEAN_MAX);
      assert.equal(
        (await gapsOf({ ...each, json: { ...PET, schema: { type: 'integer' } } }, tokens)).gaps[0],
        2,
      );
    }
  });
});

describe('sampling of the engine', () => {
  it('reports how it was done', async () => {
    const method = async (change: Partial<GenerateRequest>) =>
      (await answer(story(7, { maxTokens: 1, ...change }))).sampling?.method;
    assert.equal(await method({}), 'gumbel-max');
    assert.equal(await method({ temperature: 0 }), 'greedy');
    assert.equal(await method({ json: { kind: 'object' } }), 'gumbel-max');
    assert.equal(await method({ sampling: { topK: 0 } }), 'other');
    const { sampling } = await answer(story(7, { maxTokens: 1, topP: 0.5 }));
    assert.ok(sampling);
    const { promptHash, ...plain } = sampling;
    assert.match(promptHash, /^[0-9a-f]{64}$/);
    assert.deepEqual(plain, {
      method: 'gumbel-max',
      seed: 7,
      temperature: 0.7,
      topP: 0.5,
      topK: 40,
      minP: 0,
    });
    const unseeded = (await answer(story(7, { maxTokens: 1, seed: null }))).sampling;
    assert.ok(unseeded && unseeded.seed >= 0, 'a seed that the engine chose');
  });

  it('draws first tokens with the model’s own probabilities', async () => {
    const draws = 1_500;
    const prompt = { kind: 'text' as const, text: 'The' };
    const asked = (seed: number) =>
      request({ prompt, maxTokens: 1, temperature: 0.8, sampling: { topK: 5 }, seed });
    const counts = new Map<number, number>();
    for (let seed = 0; seed < draws; seed += 4) {
      const drawn = await Promise.all([0, 1, 2, 3].map((offset) => answer(asked(seed + offset))));
      for (const token of drawn.flatMap(({ tokens }) => tokens))
        counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    assert.equal(counts.size, 5);
    const weights = new Map<number, number>();
    for (const token of counts.keys()) weights.set(token, (await probability(prompt, token)) ** (1 / 0.8));
    const sum = [...weights.values()].reduce((total, each) => total + each, 0);
    let chiSquare = 0;
    for (const [token, weight] of weights) {
      const expected = (draws * weight) / sum;
      chiSquare += ((counts.get(token) ?? 0) - expected) ** 2 / expected;
    }
    // Of 4 degrees of freedom, exceeded once in 10,000 times.
    assert.ok(
      chiSquare < 23.5,
      `${chiSquare}: ${JSON.stringify([...counts])}, ${JSON.stringify([...weights])}`,
    );
  });

  /** The probability that the model itself gives a first token, which a bias makes it choose. */
  async function probability(prompt: GenerateRequest['prompt'], token: number): Promise<number> {
    const sampling = { logitBias: [[token, 1_000] as const] };
    const change = { prompt, maxTokens: 1, temperature: 0, sampling, topLogprobs: 0 };
    const { all, tokens } = await collect(provider.generate(request(change), NEVER));
    assert.deepEqual(tokens, [token]);
    const logprob = all.flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []) : []))[0]?.logprob;
    return Math.exp(forceUnwrap('probabilities were requested', logprob));
  }
});
