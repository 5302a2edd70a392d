/** Non-negative least squares for small systems (Lawson and Hanson 1974, chapter 23). */

/** Regularizes unknowns that the rows do not determine; far below the precision of a measurement. */
const RIDGE = 1e-7;
const SETTLED = 1e-9;

/**
 * Returns the non-negative x that minimizes |rows · x - targets|². Columns should be of about equal size. Columns become
 * free one by one, the most useful first; those that would become negative are fixed at zero again.
 */
export function nonNegativeLeastSquares(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
): number[] {
  const size = rows[0]?.length ?? 0;
  const columns = Array.from({ length: size }, (_, column) => column);
  const gram = columns.map((i) =>
    columns.map((j) => sum(rows.map((row) => (row[i] ?? 0) * (row[j] ?? 0))) + (i === j ? RIDGE : 0)),
  );
  const aims = columns.map((i) => sum(rows.map((row, at) => (row[i] ?? 0) * (targets[at] ?? 0))));
  const free = new Set<number>();
  let found = columns.map(() => 0);
  // Each turn frees one column; more turns than this are only due to rounding.
  for (let turn = 0; turn < 3 * size; turn++) {
    const slopes = columns.map((i) => (aims[i] ?? 0) - dot(gram[i] ?? [], found));
    const [best] = columns
      .filter((i) => !free.has(i) && (slopes[i] ?? 0) > SETTLED)
      .sort((i, j) => (slopes[j] ?? 0) - (slopes[i] ?? 0));
    if (best === undefined) break;
    free.add(best);
    found = settle(found, free, gram, aims);
  }
  return found;
}

/** Solves over the free columns; fixes columns at zero that would become negative. */
function settle(
  start: readonly number[],
  free: Set<number>,
  gram: readonly (readonly number[])[],
  aims: readonly number[],
): number[] {
  let from = [...start];
  while (true) {
    const chosen = [...free];
    const solved = solve(
      chosen.map((i) => chosen.map((j) => gram[i]?.[j] ?? 0)),
      chosen.map((i) => aims[i] ?? 0),
    );
    const to = from.map(() => 0);
    for (const [at, column] of chosen.entries()) to[column] = solved[at] ?? 0;
    const below = chosen.filter((column) => (to[column] ?? 0) <= 0);
    if (below.length === 0) return to;
    const step = Math.min(
      ...below.map((column) => {
        const value = from[column] ?? 0;
        return value / (value - (to[column] ?? 0) || 1);
      }),
    );
    from = from.map((value, column) => value + step * ((to[column] ?? 0) - value));
    for (const column of below) {
      if ((from[column] ?? 0) > SETTLED) continue;
      from[column] = 0;
      free.delete(column);
    }
  }
}

/** Solves a symmetric, positive definite system by Cholesky decomposition. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const lower: number[][] = matrix.map(() => []);
  const forward: number[] = [];
  for (const [i, row] of matrix.entries()) {
    const own = lower[i] ?? [];
    for (let j = 0; j <= i; j++) {
      const rest = (row[j] ?? 0) - dot(own.slice(0, j), lower[j] ?? []);
      own[j] = i === j ? Math.sqrt(Math.max(rest, Number.MIN_VALUE)) : rest / (lower[j]?.[j] ?? 1);
    }
    forward[i] = ((right[i] ?? 0) - dot(own.slice(0, i), forward)) / (own[i] ?? 1);
  }
  const solved = forward.map(() => 0);
  for (let i = solved.length - 1; i >= 0; i--) {
    let rest = forward[i] ?? 0;
    for (let j = i + 1; j < solved.length; j++) rest -= (lower[j]?.[i] ?? 0) * (solved[j] ?? 0);
    solved[i] = rest / (lower[i]?.[i] ?? 1);
  }
  return solved;
}

function dot(left: readonly number[], right: readonly number[]): number {
  return left.reduce((total, value, at) => total + value * (right[at] ?? 0), 0);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
