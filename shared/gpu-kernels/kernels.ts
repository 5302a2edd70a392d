/**
 * The two kernels that measure a machine's computing speed, and the same arithmetic in plain JavaScript to check their
 * results. They are source text, because a bundler would rename what gpu.js parses.
 *
 * A workload is a chain of passes over a square of 32-bit floats that stays on the device. Each pass depends on the
 * previous one, so that none can be skipped, and only 64 cells are read back.
 */

/** Cells that are read back and checked. */
export const SAMPLES = 64;

export interface Workload {
  readonly name: 'multiply-add-chain' | 'triad';
  readonly unit: 'gflops' | 'gigabytes-per-second';
  /** Kernel `(previous, fixed) => cell`, one pass over the square. */
  readonly source: string;
  /** Floating-point operations, or bytes read and written, per cell and pass. */
  readonly perCell: number;
  /** One pass over one cell in plain JavaScript. */
  pass(previous: number, fixed: number): number;
  /** Sides of the square in ascending order; powers of two. */
  readonly sides: readonly number[];
}

/** Rounds of the multiply-add chain in one pass. */
const ROUNDS = 512;

/** Four independent chains of x * 0.999 + 0.001: eight operations per round, hardly any memory access. */
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
    // Each round moves the value toward 1 by the factor 0.999; the four starts are 0.15 above `previous` on average.
    return 1 + (previous + 0.15 - 1) * 0.999 ** ROUNDS + fixed * 0.01;
  },
  sides: [256, 512, 1024, 2048],
};

/** STREAM triad: reads two squares and writes one, hardly any arithmetic. */
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

/** Value of the constant `scale` of {@link fillSource} for a side. */
export const fillScale = (side: number): number => 1 / (3 * side + 1);

/** Reads the cells of the diagonal that are checked. */
export const sampleSource = `function (square) {
  return square[this.thread.x * this.constants.stride][this.thread.x * this.constants.stride];
}`;

/** Returns the expected sampled cells after a chain of `passes`. */
export function expectedSamples(workload: Workload, side: number, passes: number): number[] {
  const stride = side / SAMPLES;
  return Array.from({ length: SAMPLES }, (_, index) => {
    const fixed = 3 * index * stride * fillScale(side);
    let value = fixed;
    for (let pass = 0; pass < passes; pass++) value = workload.pass(value, fixed);
    return value;
  });
}

/** Returns the index of the first cell that is wrong beyond single precision; null if all are correct. */
export function wrongSample(actual: ArrayLike<number>, expected: readonly number[]): number | null {
  const wrong = expected.findIndex((value, index) => {
    const cell = actual[index];
    return cell === undefined || !(Math.abs(cell - value) <= 1e-3 * Math.max(1, Math.abs(value)));
  });
  return wrong === -1 ? null : wrong;
}
