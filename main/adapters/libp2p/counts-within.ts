/** Counts events per name within a period; the whole count starts again when the period ends. */
import type { Clock } from '../../ports/clock.ts';

export class CountsWithin {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #max: number;
  readonly #namesMax: number;
  readonly #counts = new Map<string, number>();
  #period = 0;

  /** `max`: events of one name per period. `namesMax`: names that are counted; the oldest are forgotten first. */
  constructor(clock: Clock, periodMs: number, { max, namesMax = 1 }: { max: number; namesMax?: number }) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#max = max;
    this.#namesMax = namesMax;
  }

  isFull(name: string): boolean {
    this.#start();
    return (this.#counts.get(name) ?? 0) >= this.#max;
  }

  add(name: string): void {
    this.#start();
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.delete(name);
    this.#counts.set(name, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > this.#namesMax && oldest !== undefined) this.#counts.delete(oldest);
  }

  #start(): void {
    const period = Math.floor(this.#clock.monotonic() / this.#periodMs);
    if (period === this.#period) return;
    this.#period = period;
    this.#counts.clear();
  }
}
