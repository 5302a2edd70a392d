/**
 * Decides about each hint of a changed offer before it is passed on: what no honest peer sends or forwards is rejected, which
 * counts against the peer that sent it; what comes too late, too early, again or too often is dropped without blame.
 */
import { z } from 'zod';
import { parseJson } from '../../../shared/json.ts';
import type { Clock } from '../../ports/clock.ts';

/** Bytes of a hint. */
export const HINT_BYTES_MAX = 256;
/** By how much the time in a hint may differ from this machine's, in either direction. */
export const HINT_CLOCK_MS_MAX = 120_000;
/** Hints of one origin and of all of them that are passed on in a topic within {@link HINT_WINDOW_MS}. */
export const HINTS_PER_ORIGIN_MAX = 12;
export const HINTS_PER_TOPIC_MAX = 600;
export const HINT_WINDOW_MS = 60_000;
/** Origins that are remembered in each topic: more than there can be hints while a repeated one would still be valid. */
const ORIGINS_MAX = (HINTS_PER_TOPIC_MAX * HINT_CLOCK_MS_MAX * 2) / HINT_WINDOW_MS;
/** A repeated hint is void by its time after this long. */
const REMEMBERED_MS = 2 * HINT_CLOCK_MS_MAX;

const hintSchema = z.object({
  /** When the offer changed, in ms since 1970: it grows with each hint of an origin. */
  atMs: z.number().int().nonnegative(),
});

export type Verdict = 'accept' | 'ignore' | 'reject';

/** A hint whose signature was verified. */
export interface ReceivedHint {
  /** The peer that signed it. */
  readonly origin: string;
  readonly topic: string;
  readonly data: Uint8Array;
}

interface Origin {
  /** Time in its last hint. */
  atMs: number;
  /** Monotonic, of its last hint. */
  heardMs: number;
  readonly heard: Window;
}

export class HintChecks {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #topics = new Map<string, { readonly heard: Window; readonly origins: Map<string, Origin> }>();

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#clock = clock;
  }

  /** The topic is one of those that this machine listens to, so there are few. */
  judge({ origin, topic, data }: ReceivedHint): Verdict {
    const atMs = readHint(data);
    if (atMs === null) return 'reject';
    if (Math.abs(atMs - this.#clock.now()) > HINT_CLOCK_MS_MAX) return 'ignore';
    const { heard, origins } = this.#topic(topic);
    const nowMs = this.#clock.monotonic();
    const known = origins.get(origin);
    if (known !== undefined && atMs <= known.atMs && nowMs - known.heardMs <= REMEMBERED_MS) return 'ignore';
    const entry = known ?? { atMs, heardMs: nowMs, heard: new Window(HINTS_PER_ORIGIN_MAX) };
    if (!entry.heard.hasRoom(nowMs) || !heard.hasRoom(nowMs)) return 'ignore';
    entry.heard.add(nowMs);
    heard.add(nowMs);
    origins.delete(origin);
    origins.set(origin, Object.assign(entry, { atMs, heardMs: nowMs }));
    for (const oldest of origins.keys()) {
      if (origins.size <= ORIGINS_MAX) break;
      origins.delete(oldest);
    }
    return 'accept';
  }

  #topic(topic: string) {
    const existing = this.#topics.get(topic);
    if (existing) return existing;
    const made = { heard: new Window(HINTS_PER_TOPIC_MAX), origins: new Map<string, Origin>() };
    this.#topics.set(topic, made);
    return made;
  }
}

/** The payload of a hint. */
export function writeHint(atMs: number): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ atMs } satisfies z.infer<typeof hintSchema>));
}

/** Returns the time in the hint; null for anything else. */
function readHint(data: Uint8Array): number | null {
  if (data.length > HINT_BYTES_MAX) return null;
  try {
    return hintSchema.parse(parseJson(new TextDecoder('utf-8', { fatal: true }).decode(data))).atMs;
  } catch {
    return null;
  }
}

/** Counts what happened within {@link HINT_WINDOW_MS}. */
class Window {
  readonly #max: number;
  #times: number[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  hasRoom(nowMs: number): boolean {
    const [first] = this.#times;
    if (first !== undefined && first <= nowMs - HINT_WINDOW_MS) {
      this.#times = this.#times.filter((ms) => ms > nowMs - HINT_WINDOW_MS);
    }
    return this.#times.length < this.#max;
  }

  add(nowMs: number): void {
    this.#times.push(nowMs);
  }
}
