/** Restart policy of the engine process: capped exponential backoff, and a limit on crashes in a row. */
import type { Clock, Timer } from '../../ports/clock.ts';

export interface RestartOptions {
  readonly clock: Clock;
  /** Delay before the first restart; doubles each time. */
  readonly baseMs: number;
  readonly capMs: number;
  /** Restarts in a row before giving up. */
  readonly restartsMax: number;
  /** After the process was ready for this long, earlier crashes no longer count. */
  readonly stableMs: number;
}

export class Restarts {
  readonly #options: RestartOptions;
  #crashes = 0;
  #readySinceMs: number | null = null;
  #timer: Timer | null = null;

  constructor(options: RestartOptions) {
    this.#options = options;
  }

  /** Crashes in a row. */
  get crashes(): number {
    return this.#crashes;
  }

  /** Records that the process has loaded its model. */
  markReady(): void {
    this.#readySinceMs = this.#options.clock.monotonic();
  }

  /** Counts a crash. Returns the delay before the restart in milliseconds, or null when the limit is reached. */
  countCrash(): number | null {
    const { clock, baseMs, capMs, restartsMax, stableMs } = this.#options;
    if (this.#readySinceMs !== null && clock.monotonic() - this.#readySinceMs >= stableMs) this.#crashes = 0;
    this.#readySinceMs = null;
    this.#crashes += 1;
    return this.#crashes > restartsMax ? null : Math.min(capMs, baseMs * 2 ** (this.#crashes - 1));
  }

  /** Returns the delay before a restart that no crash has caused. */
  delayWithoutCrash(): number {
    this.#readySinceMs = null;
    return this.#options.baseMs;
  }

  schedule(delayMs: number, restart: () => void): void {
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = null;
      restart();
    });
  }

  /** Cancels a scheduled restart and forgets all crashes. */
  reset(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#crashes = 0;
    this.#readySinceMs = null;
  }
}
