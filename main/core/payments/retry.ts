/** Remembers what failed last and when to retry it: 1 s after the first failure, doubling up to 5 min. */
import { isAppError } from '../../../shared/errors.ts';
import type { ReceivableReason } from '../../../shared/receivables.ts';
import type { Clock } from '../../ports/clock.ts';

const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 300_000;

/** Cause of the last failure, as receivables show it. */
export type Obstacle = Extract<
  ReceivableReason,
  'chain-unavailable' | 'chain-disagrees' | 'no-coin-for-fee' | 'fee-too-high' | 'settlement-failed'
>;

export class Retry {
  readonly #clock: Clock;
  #failures = 0;
  #retryAtMs = 0;
  #overdue: 'recovery' | 'settlement' | null = null;
  #obstacle: Obstacle | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The step that failed last and has to be retried. */
  get overdue(): 'recovery' | 'settlement' | null {
    return this.#overdue;
  }

  get obstacle(): Obstacle | null {
    return this.#obstacle;
  }

  isTooEarly(): boolean {
    return this.#clock.monotonic() < this.#retryAtMs;
  }

  succeeded(): void {
    this.#overdue = null;
    this.#failures = 0;
    this.#retryAtMs = 0;
    this.#obstacle = null;
  }

  failed(step: 'recovery' | 'settlement', error: unknown): void {
    this.#overdue = step;
    this.#obstacle = obstacleOf(error);
    const pauseMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.#failures, 20));
    this.#retryAtMs = this.#clock.monotonic() + pauseMs;
    this.#failures += 1;
  }

  /** Call when the chain could be read: clears the obstacle unless a step still has to be retried. */
  checkSucceeded(): void {
    if (this.#overdue === null) this.#obstacle = null;
  }

  /** Call when the chain could not be read: shown as the obstacle, with nothing to retry. */
  checkFailed(error: unknown): void {
    this.#obstacle = obstacleOf(error);
  }
}

function obstacleOf(error: unknown): Obstacle {
  if (isAppError(error, 'chain-unavailable')) return 'chain-unavailable';
  if (isAppError(error, 'chain-mismatch')) return 'chain-disagrees';
  if (isAppError(error, 'insufficient-funds')) return 'no-coin-for-fee';
  if (isAppError(error, 'fee-too-high')) return 'fee-too-high';
  return 'settlement-failed';
}
