/** Notices peers that send nothing while requests to them wait. */
import type { Clock, Timer } from '../../ports/clock.ts';

/** Shorter than the silence after which the gateway asks again, so that a test has begun by then. */
const SILENT_MS = 1_000;
const CHECK_EVERY_MS = 500;
/** Reading a long prompt takes a while; a peer that is silent for long is reported again after this time. */
const REPEAT_MS = 10_000;

interface Waiting {
  requests: number;
  /** When the peer is reported unless it is heard before. */
  reportAtMs: number;
}

export class SilentPeers {
  readonly #clock: Clock;
  readonly #onSilent: (peer: string) => void;
  readonly #waiting = new Map<string, Waiting>();
  #timer: Timer | null = null;

  constructor(clock: Clock, onSilent: (peer: string) => void) {
    this.#clock = clock;
    this.#onSilent = onSilent;
  }

  /** Notes a request that waits for its peer, and returns the function that ends this. */
  begin(peer: string): () => void {
    const waiting = this.#waiting.get(peer) ?? {
      requests: 0,
      reportAtMs: this.#clock.monotonic() + SILENT_MS,
    };
    waiting.requests += 1;
    this.#waiting.set(peer, waiting);
    this.#timer ??= this.#clock.every(CHECK_EVERY_MS, () => this.#check());
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      waiting.requests -= 1;
      if (waiting.requests > 0) return;
      this.#waiting.delete(peer);
      if (this.#waiting.size === 0) this.stop();
    };
  }

  heard(peer: string): void {
    const waiting = this.#waiting.get(peer);
    if (waiting) waiting.reportAtMs = this.#clock.monotonic() + SILENT_MS;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #check(): void {
    const nowMs = this.#clock.monotonic();
    for (const [peer, waiting] of this.#waiting) {
      if (waiting.reportAtMs > nowMs) continue;
      waiting.reportAtMs = nowMs + REPEAT_MS;
      this.#onSilent(peer);
    }
  }
}
