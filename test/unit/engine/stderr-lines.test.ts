/**
 * Verifies: error output of the engine process is passed on line by line, with bounded length and rate.
 * Setup: the line splitter with a clock moved by hand.
 * Fails if: a line split between chunks is torn or lost, a flood of output reaches the log, a control character
 * reaches a terminal, or a line without an end grows without limit.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createStderrLines,
  LINE_LENGTH_MAX,
  LINES_MAX,
  WINDOW_MS,
} from '../../../main/adapters/llama/stderr-lines.ts';

function setUp() {
  const lines: string[] = [];
  let nowMs = 0;
  const reader = createStderrLines(
    (line) => lines.push(line),
    () => nowMs,
  );
  return { lines, reader, advance: (ms: number) => (nowMs += ms) };
}

test('joins chunks into lines, skips blank ones and passes on the last one at the end', () => {
  const { lines, reader } = setUp();
  reader.push('first li');
  reader.push('ne\r\n\n  \nsecond\nthi');
  assert.deepEqual(lines, ['first line', 'second']);
  reader.push('rd');
  reader.end();
  assert.deepEqual(lines, ['first line', 'second', 'third']);
  reader.end();
  assert.equal(lines.length, 3);
});

test('replaces control characters and cuts long lines', () => {
  const { lines, reader } = setUp();
  reader.push('a\u001b[31mb\n');
  for (let chunk = 0; chunk < 1_000; chunk += 1) reader.push('x'.repeat(1_000));
  reader.push(`\n${'y'.repeat(LINE_LENGTH_MAX)}\n`);
  assert.deepEqual(lines, ['a [31mb', `${'x'.repeat(LINE_LENGTH_MAX)}…`, 'y'.repeat(LINE_LENGTH_MAX)]);
});

test('limits the rate and reports the number of omitted lines', () => {
  const { lines, reader, advance } = setUp();
  reader.push('line\n'.repeat(LINES_MAX + 7));
  assert.equal(lines.length, LINES_MAX);
  advance(WINDOW_MS);
  reader.push('after\n');
  assert.deepEqual(lines.slice(LINES_MAX), ['[7 lines omitted]', 'after']);
  reader.push('more\n'.repeat(LINES_MAX + 1));
  reader.end();
  assert.equal(lines.at(-1), '[2 lines omitted]');
});
