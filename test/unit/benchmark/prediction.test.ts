/**
 * Verifies: costs are recovered from the times that they produced, and predict models of other shapes; there is no
 * prediction for what was never measured.
 * Setup: times computed from known costs, with and without noise; shapes from configurations and headers.
 * Fails if: a predicted speed is far off, a cost is negative, or a type or architecture is predicted that was never
 * measured.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CALIBRATION_MODELS } from '../../../main/core/benchmark/calibration-models.ts';
import {
  type Costs,
  choiceParts,
  costOf,
  decodeParts,
  fitCosts,
  prefillParts,
} from '../../../main/core/benchmark/cost-model.ts';
import { nonNegativeLeastSquares } from '../../../main/core/benchmark/least-squares.ts';
import {
  type ModelShape,
  shapeOfConfiguration,
  shapeOfHeader,
} from '../../../main/core/benchmark/model-shape.ts';
import {
  crossErrorPercent,
  errorPercent,
  fitModels,
  type MeasuredModel,
  predictSpeed,
} from '../../../main/core/benchmark/prediction.ts';
import { type GgufHeader, matricesOf } from '../../../main/core/gguf/index.ts';
import { modelFacts } from '../../../main/core/models/index.ts';

const TYPES: Costs = { F16: 2e-7, Q8_0: 1.5e-7, Q4_0: 2e-7, Q4_1: 1.8e-7, Q4_K: 2.5e-7, Q6_K: 3e-7 };
const LAYERS: Costs = { layer: 0.02, row: 3e-6, attention: 2e-7, 'attention rest': 4e-6 };
const DECODE: Costs = { token: 0.3, vocabulary: 1e-5, ...LAYERS, ...TYPES };
const PREFILL: Costs = { prompt: 1, token: 0.01, ...LAYERS, ...TYPES };
const CONDITIONS = { promptTokens: 194, answerTokens: 32 };

function known(parts: ReadonlyMap<string, number>, costs: Costs): number {
  const cost = costOf(parts, costs);
  assert.ok(cost !== null);
  return cost;
}

/** Returns the measurement of a machine with exactly these costs; a `noise` of 0.02 means ±2%. */
function measured(shape: ModelShape, noise = () => 0, promptTokens = CONDITIONS.promptTokens): MeasuredModel {
  const context = promptTokens + CONDITIONS.answerTokens / 2;
  const prefillMs = known(prefillParts(shape, promptTokens), PREFILL) + known(choiceParts(shape), DECODE);
  return {
    shape,
    ...CONDITIONS,
    promptTokens,
    prefillMs: prefillMs * (1 + noise()),
    decodeMsPerToken: known(decodeParts(shape, context), DECODE) * (1 + noise()),
  };
}

const CALIBRATION = CALIBRATION_MODELS.map(({ configuration, mixture }) =>
  shapeOfConfiguration(configuration, mixture),
);

function catalogueShape(id: string): ModelShape {
  const facts = modelFacts(id);
  assert.ok(facts !== null);
  return shapeOfConfiguration(facts.configuration, facts.mixture);
}

describe('the prediction', () => {
  for (const id of [
    'smollm2-135m-instruct',
    'qwen2.5-1.5b-instruct',
    'qwen3-4b',
    'mistral-7b-instruct-v0.3',
  ]) {
    it(`for ${id} is correct if times are sums of costs, however much larger the model is`, () => {
      const shape = catalogueShape(id);
      const speed = predictSpeed(fitModels(CALIBRATION.map((each) => measured(each))), shape, CONDITIONS);
      const truth = measured(shape);
      assert.ok(speed !== null);
      assert.ok(errorPercent(speed.decodeTokensPerSecond, 1_000 / truth.decodeMsPerToken) < 3);
      const prefill = (CONDITIONS.promptTokens * 1_000) / truth.prefillMs;
      assert.ok(errorPercent(speed.prefillTokensPerSecond, prefill) < 3);
    });
  }

  it('stays close if the measurements are off by up to 3%', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -0.03, max: 0.03, noNaN: true }), { minLength: 32, maxLength: 32 }),
        (off) => {
          let next = 0;
          const noise = () => off[next++ % off.length] ?? 0;
          const shape = catalogueShape('mistral-7b-instruct-v0.3');
          const speed = predictSpeed(
            fitModels(CALIBRATION.map((each) => measured(each, noise))),
            shape,
            CONDITIONS,
          );
          assert.ok(speed !== null);
          assert.ok(errorPercent(speed.decodeTokensPerSecond, 1_000 / measured(shape).decodeMsPerToken) < 15);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is null for a tensor type that was not measured', () => {
    const costs = fitModels(CALIBRATION.map((each) => measured(each)));
    assert.equal(predictSpeed(costs, catalogueShape('idlewatt-tiny'), CONDITIONS), null);
  });

  it('reports the error of predicting each measured model from the others', () => {
    const exact = crossErrorPercent(CALIBRATION.map((each) => measured(each)));
    assert.ok(exact !== null && exact < 5, String(exact));
    const right = CALIBRATION.map((each) => measured(each));
    const disturbed = crossErrorPercent(
      right.map((model, index) =>
        index % 2 === 0 ? model : { ...model, decodeMsPerToken: model.decodeMsPerToken * 1.6 },
      ),
    );
    assert.ok(disturbed !== null && disturbed > 15, String(disturbed));
    assert.equal(crossErrorPercent(right.slice(0, 1)), null);
  });
});

describe('the fit', () => {
  it('is not distorted by one disturbed sample', () => {
    const right = CALIBRATION.flatMap((each) => [measured(each), measured(each, () => 0, 34)]);
    const bent = right.map((model, index) =>
      index === 18 ? { ...model, decodeMsPerToken: model.decodeMsPerToken * 1.5 } : model,
    );
    const shape = catalogueShape('mistral-7b-instruct-v0.3');
    const speed = predictSpeed(fitModels(bent), shape, CONDITIONS);
    assert.ok(speed !== null);
    const off = errorPercent(speed.decodeTokensPerSecond, 1_000 / measured(shape).decodeMsPerToken);
    assert.ok(off < 4, `${off} %`);
  });

  it('is a minimum among non-negative costs', () => {
    const value = fc.double({ min: 0, max: 1, noNaN: true });
    const row = fc.array(value, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(fc.tuple(row, value), { minLength: 5, maxLength: 9 }), (samples) => {
        const rows = samples.map(([each]) => each);
        const targets = samples.map(([, target]) => target - 0.3);
        const found = nonNegativeLeastSquares(rows, targets);
        // Includes the regularization of unknowns that the rows do not determine.
        const error = (x: readonly number[]) =>
          1e-7 * x.reduce((sum, each) => sum + each ** 2, 0) +
          rows.reduce(
            (total, each, at) =>
              total +
              (each.reduce((sum, factor, i) => sum + factor * (x[i] ?? 0), 0) - (targets[at] ?? 0)) ** 2,
            0,
          );
        for (const [i, each] of found.entries()) {
          assert.ok(each >= 0);
          for (const step of [-0.01, 0.01]) {
            const moved = found.with(i, Math.max(0, each + step));
            assert.ok(error(moved) >= error(found) - 1e-6);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('has no negative cost, even if that would fit better', () => {
    const costs = fitCosts([
      {
        parts: new Map([
          ['a', 1],
          ['b', 2],
        ]),
        durationMs: 1,
      },
      {
        parts: new Map([
          ['a', 1],
          ['b', 1],
        ]),
        durationMs: 2,
      },
      {
        parts: new Map([
          ['a', 2],
          ['b', 1],
        ]),
        durationMs: 4,
      },
    ]);
    assert.equal(costs.b, 0);
    assert.ok((costs.a ?? 0) > 0);
  });
});

describe('the shape of a model', () => {
  it('counts keys that fill no whole vector: none for head widths 64 and 128, a third for 96', () => {
    const shape = (headWidth: number) =>
      shapeOfConfiguration(
        {
          layers: 2,
          width: 768,
          feedForward: 768,
          heads: 8,
          keyHeads: 4,
          headWidth,
          vocabulary: 256,
          tied: true,
        },
        'Q8_0',
      );
    assert.deepEqual(
      [64, 96, 128].map((width) => shape(width).attentionRest),
      [0, 4 * 32, 0],
    );
  });

  it('from a header equals that of the configuration', () => {
    const facts = modelFacts('mistral-7b-instruct-v0.3');
    assert.ok(facts !== null);
    const { configuration, mixture } = facts;
    const header: Pick<GgufHeader, 'values' | 'tensors'> = {
      values: new Map<string, number | string>([
        ['general.architecture', 'llama'],
        ['llama.block_count', configuration.layers],
        ['llama.attention.head_count', configuration.heads],
        ['llama.embedding_length', configuration.width],
      ]),
      tensors: [
        { name: 'output_norm.weight', shape: [configuration.width], type: 'F32' },
        ...matricesOf(configuration, mixture).map(({ name, inputs, outputs, type }) => ({
          name,
          shape: [inputs, outputs],
          type,
        })),
      ],
    };
    assert.deepEqual(shapeOfHeader(header), shapeOfConfiguration(configuration, mixture));
    const other = new Map([...header.values, ['general.architecture', 'mamba'] as const]);
    assert.equal(shapeOfHeader({ ...header, values: other }), null);
    const stack = { name: 'blk.0.attn_q_stack.weight', shape: [64, 64, 8], type: 'Q8_0' as const };
    assert.equal(shapeOfHeader({ ...header, tensors: [...header.tensors, stack] }), null);
    const unknown = { name: 'blk.0.ffn_up.weight', shape: [64, 64], type: null };
    assert.equal(shapeOfHeader({ ...header, tensors: [...header.tensors, unknown] }), null);
    assert.equal(shapeOfHeader({ values: new Map(), tensors: [] }), null);
  });
});

describe('the shape of a mixture of experts', () => {
  it('counts the experts of a mixture that a token is multiplied with, not all of them', () => {
    const facts = modelFacts('qwen3-30b-a3b');
    assert.ok(facts !== null);
    const { configuration, mixture } = facts;
    const shape = shapeOfConfiguration(configuration, mixture);
    const all = [...shape.weights.values()].reduce((sum, each) => sum + each, 0);
    const billions = (all + shape.output.inputs * shape.output.outputs) / 1e9;
    assert.ok(billions > 3 && billions < 3.4, `${billions} of 3.3 billion active parameters`);
    const values = new Map<string, number | string>([
      ['general.architecture', 'qwen3moe'],
      ['qwen3moe.block_count', configuration.layers],
      ['qwen3moe.attention.head_count', configuration.heads],
      ['qwen3moe.attention.head_count_kv', configuration.keyHeads],
      ['qwen3moe.attention.key_length', configuration.headWidth],
      ['qwen3moe.embedding_length', configuration.width],
      ['qwen3moe.expert_used_count', 8],
    ]);
    const tensors = [
      { name: 'blk.0.ffn_gate_inp.weight', shape: [configuration.width, 128], type: 'F32' as const },
      ...matricesOf(configuration, mixture).map(({ name, inputs, outputs, type, experts }) => ({
        name,
        shape: experts === undefined ? [inputs, outputs] : [inputs, outputs, experts.count],
        type,
      })),
    ];
    assert.deepEqual(shapeOfHeader({ values, tensors }), shape);
    const tooMany = new Map([...values, ['qwen3moe.expert_used_count', 129] as const]);
    assert.equal(shapeOfHeader({ values: tooMany, tensors }), null);
    tooMany.delete('qwen3moe.expert_used_count');
    assert.equal(shapeOfHeader({ values: tooMany, tensors }), null);
  });
});
