/** Splits the error output of a child process into lines, bounded in length and rate. */

export interface StderrLines {
  push(chunk: string): void;
  /** Passes on what is left when the output ends. */
  end(): void;
}

/** Longer lines are cut. */
export const LINE_LENGTH_MAX = 500;
/** Lines passed on per {@link WINDOW_MS}; the others are counted and reported as omitted. */
export const LINES_MAX = 50;
export const WINDOW_MS = 10_000;

/**
 * Calls `onLine` for each line that is not blank, with control characters replaced by spaces. Memory is bounded: the
 * rest of a long line is dropped as it arrives. `now` returns monotonic milliseconds.
 */
export function createStderrLines(
  onLine: (line: string) => void,
  now: () => number = () => performance.now(),
): StderrLines {
  let line = '';
  let windowStartMs = now();
  let passed = 0;
  let omitted = 0;

  function reportOmitted(): void {
    if (omitted > 0) onLine(`[${omitted} lines omitted]`);
    omitted = 0;
  }

  function finishLine(): void {
    const text = line.replaceAll(/\p{Cc}/gu, ' ').trimEnd();
    line = '';
    if (text.trim() === '') return;
    const nowMs = now();
    if (nowMs - windowStartMs >= WINDOW_MS) {
      windowStartMs = nowMs;
      passed = 0;
      reportOmitted();
    }
    if (passed >= LINES_MAX) {
      omitted += 1;
      return;
    }
    passed += 1;
    onLine(text.length > LINE_LENGTH_MAX ? `${text.slice(0, LINE_LENGTH_MAX)}…` : text);
  }

  function append(text: string): void {
    // One character more than the limit marks the line as cut.
    line = (line + text.slice(0, LINE_LENGTH_MAX + 1)).slice(0, LINE_LENGTH_MAX + 1);
  }

  return {
    push(chunk) {
      const [first = '', ...rest] = chunk.split('\n');
      append(first);
      for (const text of rest) {
        finishLine();
        append(text);
      }
    },
    end() {
      finishLine();
      reportOmitted();
    },
  };
}
