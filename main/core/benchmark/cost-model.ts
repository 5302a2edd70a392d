/**
 * Cost model of a token on this machine: a sum of parts derived from the model's shape. There is a fixed part, parts
 * per layer, vocabulary entry and context token, and a cost per weight by quantization type. The costs are fitted to
 * measured models, none is negative, and their sum predicts models that were never measured.
 */
import { nonNegativeLeastSquares } from './least-squares.ts';
import type { ModelShape } from './model-shape.ts';

/** Number of occurrences of each part. */
export type Parts = ReadonlyMap<string, number>;
/** Milliseconds per occurrence of each part. */
export type Costs = Readonly<Record<string, number>>;

/** Returns the parts of decoding one token after `contextTokens` others. */
export function decodeParts(shape: ModelShape, contextTokens: number): Parts {
  const parts = new Map<string, number>([
    ['token', 1],
    ['layer', shape.layers],
    ['vocabulary', shape.vocabulary],
    ['row', shape.rows + shape.output.outputs],
    ['attention', shape.layers * shape.attentionWidth * contextTokens],
    ['attention rest', shape.layers * shape.attentionRest * contextTokens],
  ]);
  for (const [type, weights] of shape.weights) add(parts, type, weights);
  add(parts, shape.output.type, shape.output.inputs * shape.output.outputs);
  return parts;
}

/** Returns the parts of processing a whole prompt, without choosing the first token of the response. */
export function prefillParts(shape: ModelShape, promptTokens: number): Parts {
  const parts = new Map<string, number>([
    ['prompt', 1],
    ['token', promptTokens],
    ['layer', shape.layers * promptTokens],
    ['row', shape.rows * promptTokens],
    ['attention', (shape.layers * shape.attentionWidth * promptTokens ** 2) / 2],
    ['attention rest', (shape.layers * shape.attentionRest * promptTokens ** 2) / 2],
  ]);
  for (const [type, weights] of shape.weights) add(parts, type, weights * promptTokens);
  return parts;
}

/** Returns the parts of choosing one token, for the costs of decoding: the output matrix and the scan of all tokens. */
export function choiceParts({ vocabulary, output }: ModelShape): Parts {
  return new Map<string, number>([
    ['vocabulary', vocabulary],
    ['row', output.outputs],
    [output.type, output.inputs * output.outputs],
  ]);
}

/** Returns null if a part has no cost because it was never measured. */
export function costOf(parts: Parts, costs: Costs): number | null {
  let sum = 0;
  for (const [part, times] of parts) {
    const cost = costs[part];
    if (cost === undefined) return null;
    sum += cost * times;
  }
  return sum;
}

export interface Sample {
  readonly parts: Parts;
  /** Measured milliseconds, above 0. */
  readonly durationMs: number;
  /** Milliseconds of it that are already accounted for. */
  readonly knownMs?: number;
}

/** A sample with a relative error above this share was probably disturbed, so its weight is reduced. */
const TRUSTED_SHARE = 0.05;
const REWEIGHTINGS = 10;

/**
 * Fits non-negative costs to the samples by least squares of the relative errors, so that a small model counts as
 * much as a large one. Samples with large errors get a lower weight (Huber 1964), so that a few disturbed samples do
 * not distort the rest.
 */
export function fitCosts(samples: readonly Sample[]): Costs {
  const names = [...new Set(samples.flatMap(({ parts }) => [...parts.keys()]))];
  // Scales each column to about one, as the solver expects.
  const scales = names.map((name) =>
    Math.max(...samples.map(({ parts, durationMs }) => (parts.get(name) ?? 0) / durationMs)),
  );
  const rows = samples.map(({ parts, durationMs }) =>
    names.map((name, column) => (parts.get(name) ?? 0) / durationMs / (scales[column] || 1)),
  );
  const targets = samples.map(({ durationMs, knownMs }) => 1 - (knownMs ?? 0) / durationMs);
  let found = nonNegativeLeastSquares(rows, targets);
  for (let round = 0; round < REWEIGHTINGS; round++) {
    const weights = rows.map((row, at) => {
      const off = row.reduce((sum, value, i) => sum + value * (found[i] ?? 0), -(targets[at] ?? 0));
      return Math.sqrt(Math.min(1, TRUSTED_SHARE / Math.abs(off)));
    });
    found = nonNegativeLeastSquares(
      rows.map((row, at) => row.map((value) => value * (weights[at] ?? 1))),
      targets.map((target, at) => target * (weights[at] ?? 1)),
    );
  }
  return Object.fromEntries(names.map((name, i) => [name, (found[i] ?? 0) / (scales[i] || 1)]));
}

function add(parts: Map<string, number>, name: string, times: number): void {
  parts.set(name, (parts.get(name) ?? 0) + times);
}
