/** Counts and hashes the tokens that a requester has taken, and measures their speed. */
import { createHash } from 'node:crypto';
import { tokenBytes } from '../../../shared/offer.ts';
import type { Clock } from '../../ports/clock.ts';

export class TokenMeter {
  readonly #clock: Clock;
  readonly #hash = createHash('sha256');
  #count = 0;
  #firstAtMs: number | null = null;
  #firstMonotonicMs = 0;
  #lastMonotonicMs = 0;
  /** Number of tokens that came together first: their speed can't be measured. */
  #firstCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#count;
  }

  /** Time of the first token; null before it. */
  get firstAtMs(): number | null {
    return this.#firstAtMs;
  }

  add(tokens: readonly number[]): void {
    if (tokens.length === 0) return;
    this.#hash.update(tokenBytes(tokens));
    this.#count += tokens.length;
    this.#lastMonotonicMs = this.#clock.monotonic();
    if (this.#firstAtMs !== null) return;
    this.#firstAtMs = this.#clock.now();
    this.#firstMonotonicMs = this.#lastMonotonicMs;
    this.#firstCount = tokens.length;
  }

  /** Since the first tokens; null before there are more. */
  tokensPerSecond(): number | null {
    const tokens = this.#count - this.#firstCount;
    const durationMs = this.#lastMonotonicMs - this.#firstMonotonicMs;
    return tokens > 0 && durationMs > 0 ? (tokens * 1_000) / durationMs : null;
  }

  /** See `tokenHash` of the receipt. May be called once, when all tokens were added. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}
