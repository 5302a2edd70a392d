/**
 * The two kernels that say what a machine can compute, as source text (a bundler would rename what gpu.js
 * parses), and the same arithmetic in plain JavaScript to check them by.
 *
 * A workload is a chain of passes over a square of 32-bit floats that stays on the device: each pass needs
 * the one before, so that none can be skipped, and only 64 cells are read back.
 */

/** Cells that are read back and checked. */
export const SAMPLES = 64;

export interface Workload {
  readonly name: 'multiply-add-chain' | 'triad';
  readonly unit: 'gflops' | 'gigabytes-per-second';
  /** Kernel `(previous, fixed) => cell`, one pass over the square. */
  readonly source: string;
  /** Floating point operations, or bytes read and written, of one cell in one pass. */
  readonly perCell: number;
  /** One pass over one cell in plain JavaScript. */
  pass(previous: number, fixed: number): number;
  /** Sides of the square, from the smallest; powers of two. */
  readonly sides: readonly number[];
}

/** Rounds of the multiply-add chain in one pass. */
const ROUNDS = 512;

/** Four independent chains of x * 0.999 + 0.001: eight operations a round, hardly any memory. */
export const arithmetic: Workload = {
  name: 'multiply-add-chain',
  unit: 'gflops',
  source: `function (previous, fixed) {
    const start = previous[this.thread.y][this.thread.x];
    let a = start;
    let b = start + 0.1;
    let c = start + 0.2;
    let d = start + 0.3;
    for (let round = 0; round < ${ROUNDS}; round++) {
      a = a * 0.999 + 0.001;
      b = b * 0.999 + 0.001;
      c = c * 0.999 + 0.001;
      d = d * 0.999 + 0.001;
    }
    return (a + b + c + d) * 0.25 + fixed[this.thread.y][this.thread.x] * 0.01;
  }`,
  perCell: 8 * ROUNDS,
  pass(previous, fixed) {
    // The chain pulls its start towards 1 by 0.999 a round; the four starts lie 0.15 above on average.
    return 1 + (previous + 0.15 - 1) * 0.999 ** ROUNDS + fixed * 0.01;
  },
  sides: [256, 512, 1024, 2048],
};

/** STREAM's triad: reads two squares and writes one, hardly any arithmetic. */
export const bandwidth: Workload = {
  name: 'triad',
  unit: 'gigabytes-per-second',
  source: `function (previous, fixed) {
    return previous[this.thread.y][this.thread.x] * 0.5 + fixed[this.thread.y][this.thread.x];
  }`,
  perCell: 12,
  pass: (previous, fixed) => previous * 0.5 + fixed,
  sides: [1024, 2048, 4096],
};

/** Fills a square with different values between 0 and 1. */
export const fillSource = `function () {
  return (this.thread.x + 2 * this.thread.y) * this.constants.scale;
}`;

/** What {@link fillSource} is given for a side. */
export const fillScale = (side: number): number => 1 / (3 * side + 1);

/** Picks the cells of the diagonal that are checked. */
export const sampleSource = `function (square) {
  return square[this.thread.x * this.constants.stride][this.thread.x * this.constants.stride];
}`;

/** What a chain of `passes` leaves in the sampled cells. */
export function expectedSamples(workload: Workload, side: number, passes: number): number[] {
  const stride = side / SAMPLES;
  return Array.from({ length: SAMPLES }, (_, index) => {
    const fixed = 3 * index * stride * fillScale(side);
    let value = fixed;
    for (let pass = 0; pass < passes; pass++) value = workload.pass(value, fixed);
    return value;
  });
}

/** The first sampled cell that is wrong beyond what single precision explains; null when all are right. */
export function wrongSample(actual: ArrayLike<number>, expected: readonly number[]): number | null {
  const wrong = expected.findIndex((value, index) => {
    const cell = actual[index];
    return cell === undefined || !(Math.abs(cell - value) <= 1e-3 * Math.max(1, Math.abs(value)));
  });
  return wrong === -1 ? null : wrong;
}
