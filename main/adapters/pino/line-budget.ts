/**
 * Limits how many lines each source may write per second, so that no peer can flood the log by provoking the
 * same line repeatedly, which would delete useful older lines.
 */

export interface DroppedLines {
  readonly source: string;
  readonly count: number;
}

interface Window {
  startMs: number;
  written: number;
  dropped: number;
}

const WINDOW_MS = 1_000;

export class LineBudget {
  readonly #linesMax: number;
  readonly #windows = new Map<string, Window>();

  /** `linesMax`: per source and second. */
  constructor(linesMax: number) {
    this.#linesMax = linesMax;
  }

  /** Returns whether one more line of this source fits; counts it as written or dropped. */
  take(source: string, nowMs: number): boolean {
    let window = this.#windows.get(source);
    if (window === undefined) {
      window = { startMs: nowMs, written: 0, dropped: 0 };
      this.#windows.set(source, window);
    }
    if (this.#isOver(window, nowMs)) {
      window.startMs = nowMs;
      window.written = 0;
    }
    const fits = window.written < this.#linesMax;
    if (fits) window.written += 1;
    else window.dropped += 1;
    return fits;
  }

  /** Returns and resets the counts of lines dropped in windows that are over, or in all windows. */
  collect(nowMs: number, options: { readonly includeCurrent: boolean }): DroppedLines[] {
    const dropped: DroppedLines[] = [];
    for (const [source, window] of this.#windows) {
      if (window.dropped === 0 || !(options.includeCurrent || this.#isOver(window, nowMs))) continue;
      dropped.push({ source, count: window.dropped });
      window.dropped = 0;
    }
    return dropped;
  }

  #isOver({ startMs }: Window, nowMs: number): boolean {
    // The clock may have been set back.
    return nowMs - startMs >= WINDOW_MS || nowMs < startMs;
  }
}
