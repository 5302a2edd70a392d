/**
 * What a token costs on this machine, as a sum of parts that a model's shape tells: a fixed part, parts by
 * layer, vocabulary and context, and one cost for each weight by its quantisation type. The costs are fitted
 * to measured models and none is negative; their sum predicts a model that was never measured.
 */
import { nonNegativeLeastSquares } from './least-squares.ts';
import type { ModelShape } from './model-shape.ts';

/** How often each part is paid. */
export type Parts = ReadonlyMap<string, number>;
/** Milliseconds for each part once. */
export type Costs = Readonly<Record<string, number>>;

/** Parts of decoding one token after `contextTokens` others. */
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

/** Parts of one step in which a whole prompt becomes context, without the choice of its first answer token. */
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

/** Parts, by the costs of decoding, of choosing one token: the output matrix and the look through all tokens. */
export function choiceParts({ vocabulary, output }: ModelShape): Parts {
  return new Map<string, number>([
    ['vocabulary', vocabulary],
    ['row', output.outputs],
    [output.type, output.inputs * output.outputs],
  ]);
}

/** Null when a part has no cost because nothing of it was measured. */
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
  /** What was measured, in milliseconds; above 0. */
  readonly durationMs: number;
  /** The part of it that is known already, in milliseconds. */
  readonly knownMs?: number;
}

/** A sample that is off by more than this share was more likely disturbed than told us something. */
const TRUSTED_SHARE = 0.05;
const REWEIGHTINGS = 10;

/**
 * Costs of zero or more that fit the samples best: least squares of the relative errors, so that a small model
 * matters as much as a large one, in which samples that are far off count less (Huber 1964), so that a few
 * disturbed ones do not bend the rest.
 */
export function fitCosts(samples: readonly Sample[]): Costs {
  const names = [...new Set(samples.flatMap(({ parts }) => [...parts.keys()]))];
  // Each column is scaled to about one, as the solver wants it.
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
