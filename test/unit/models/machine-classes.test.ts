/**
 * Verifies: a machine of each usual size finds a model for chat, code, reasoning and embeddings that fits, and the best
 *   one for chat comes first.
 * Setup: the real catalog, with the memory of each class (8 GB of RAM without a GPU; GPUs of 4 to 24 GB), half of the RAM
 *   free, and decode speeds from the memory bandwidth and the weights that the cost model counts for each token.
 * Fails if: an entry of the catalog is removed or gets another size so that a class loses a use, the order of the rank
 *   changes, a mixture of experts counts with all of its weights, or the memory of a GPU counts for nothing.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shapeOfConfiguration } from '../../../main/core/benchmark/model-shape.ts';
import { graphicsMemory } from '../../../main/core/engine/index.ts';
import { tensorBytes } from '../../../main/core/gguf/index.ts';
import {
  CATALOGUE,
  fit,
  type ModelMemory,
  modelFacts,
  rankModels,
  strengthsOf,
} from '../../../main/core/models/index.ts';
import { MODEL_STRENGTHS } from '../../../shared/model-files.ts';

const GIB = 1024 ** 3;

interface Machine {
  readonly memory: ModelMemory;
  readonly gigabytesPerSecond: number;
}

function withoutGraphics(freeGigabytes: number, gigabytesPerSecond: number): Machine {
  return { memory: { machineBytes: freeGigabytes * GIB, graphicsBytes: null }, gigabytesPerSecond };
}

function withCard(gigabytes: number, gigabytesPerSecond: number): Machine {
  const card = {
    kind: 'gpu' as const,
    name: 'Card',
    cores: null,
    memoryBytes: gigabytes * GIB,
    driver: null,
  };
  const graphicsBytes = graphicsMemory([card], []);
  return { memory: { machineBytes: 8 * GIB, graphicsBytes }, gigabytesPerSecond };
}

/** Bandwidths of usual memory and GPUs of that size, from their data sheets. */
const PROCESSOR_ONLY = withoutGraphics(5, 40);
const CARDS = {
  4: withCard(4, 112),
  6: withCard(6, 192),
  8: withCard(8, 272),
  12: withCard(12, 360),
  16: withCard(16, 288),
  24: withCard(24, 936),
} as const;

/** Decode speed of a model whose weights are read once per token; null where the agent predicts none either. */
function tokensPerSecond(id: string, gigabytesPerSecond: number): number | null {
  const facts = modelFacts(id);
  if (facts === null) return null;
  const { weights, output } = shapeOfConfiguration(facts.configuration, facts.mixture);
  const bytes = [...weights].reduce(
    (sum, [type, count]) => sum + tensorBytes(type, [count]),
    tensorBytes(output.type, [output.inputs, output.outputs]),
  );
  return (gigabytesPerSecond * 1e9) / bytes;
}

function ranked({ memory, gigabytesPerSecond }: Machine) {
  const candidates = CATALOGUE.map((entry) => ({
    ...entry,
    fit: fit(entry, memory),
    use: entry.use ?? ('chat' as const),
    strengths: [...strengthsOf(entry)],
    released: entry.released ?? null,
    bundled: entry.sources.some(({ kind }) => kind === 'bundled'),
  }));
  return rankModels(candidates, ({ id }) => tokensPerSecond(id, gigabytesPerSecond));
}

/** The best model for each use, as the Models page names it. */
function best(machine: Machine): Record<string, string | undefined> {
  const models = ranked(machine);
  return Object.fromEntries(
    MODEL_STRENGTHS.map((strength) => [
      strength,
      models.find(({ bestFor }) => bestFor.includes(strength))?.id,
    ]),
  );
}

describe('the catalog on machines of each size', () => {
  it('has the best model for each use', () => {
    const found = Object.entries({ ...CARDS, none: PROCESSOR_ONLY }).map(([name, machine]) => {
      const { chat, code, reasoning, embedding } = best(machine);
      assert.equal(embedding, 'qwen3-embedding-0.6b');
      return [name, chat, code, reasoning];
    });
    assert.deepEqual(found, [
      ['4', 'granite-4.1-3b', 'qwen2.5-coder-1.5b-instruct', 'smollm3-3b'],
      ['6', 'granite-4.1-3b', 'qwen2.5-coder-1.5b-instruct', 'smollm3-3b'],
      ['8', 'qwen3-8b', 'qwen2.5-coder-7b-instruct', 'qwen3-8b'],
      ['12', 'qwen3-8b', 'qwen2.5-coder-7b-instruct', 'qwen3-8b'],
      ['16', 'qwen3-14b', 'qwen2.5-coder-14b-instruct', 'qwen3-14b'],
      ['24', 'qwen3-30b-a3b', 'qwen3-coder-30b-a3b-instruct', 'qwen3-30b-a3b'],
      ['none', 'granite-4.1-3b', 'qwen2.5-coder-1.5b-instruct', 'smollm3-3b'],
    ]);
  });

  it('lists the best for chat first, and for each use several that fit', () => {
    for (const machine of [PROCESSOR_ONLY, ...Object.values(CARDS)]) {
      const models = ranked(machine);
      assert.equal(models[0]?.suits, 'best');
      for (const strength of MODEL_STRENGTHS) {
        const fitting = models.filter(
          ({ strengths, fit: how }) => strengths.includes(strength) && (how === 'fits' || how === 'tight'),
        );
        assert.ok(fitting.length > 0, strength);
      }
    }
  });

  it('puts a mixture of experts first where memory is large and slow', () => {
    const slow = withoutGraphics(48, 40);
    const { chat, code } = best(slow);
    assert.deepEqual([chat, code], ['qwen3-30b-a3b', 'qwen3-coder-30b-a3b-instruct']);
    const dense = ranked(slow).find(({ id }) => id === 'mistral-small-3.2-24b-instruct');
    assert.equal(dense?.suits, 'slow', 'a dense model of the same class');
  });

  it('takes a model that exceeds the GPU, but not the machine, as computed partly on the CPU', () => {
    const machine = { ...CARDS[4], memory: { ...CARDS[4].memory, machineBytes: 16 * GIB } };
    const how = (id: string) => ranked(machine).find((model) => model.id === id)?.suits;
    assert.deepEqual([how('qwen3-8b'), how('qwen3.6-27b')], ['partly', 'does-not-fit']);
  });
});
