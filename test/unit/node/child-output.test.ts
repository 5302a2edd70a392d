/**
 * Verifies: what a child prints becomes log lines of bounded length and number, at a level that fits the text.
 * Setup: streams fed by the test in arbitrary pieces, and lines as llama.cpp and CUDA print them.
 * Fails if: a line is split or merged, an endless line grows in memory, a flood reaches the log.
 */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { levelOfEngineLine, logChildOutput } from '../../../main/adapters/node/index.ts';
import { createRecordingLog } from '../../fakes/log.ts';

async function logged(
  pieces: readonly Uint8Array[],
  options: { linesPerSecondMax?: number; monotonic?: () => number } = {},
) {
  const stream = new PassThrough();
  const log = createRecordingLog();
  logChildOutput({ stream, log, levelOf: levelOfEngineLine, linesPerSecondMax: 1_000, ...options });
  for (const piece of pieces) stream.write(piece);
  stream.end();
  await new Promise((resolve) => stream.once('close', resolve));
  return log.lines;
}

test('lines come out whole, however the pieces are cut', async () => {
  const text = fc.array(fc.constantFrom('a', 'ß', '語', ' b', '\n', '\r\n'), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(60), { maxLength: 8 }), async (parts, cuts) => {
      const bytes = Buffer.from(parts.join(''));
      const places = [...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length])].sort(
        (a, b) => a - b,
      );
      const pieces = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      const expected = parts
        .join('')
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter((line) => line !== '');
      assert.deepEqual(
        (await logged(pieces)).map(({ message }) => message),
        expected,
      );
    }),
    { numRuns: 100 },
  );
});

test('control characters become spaces', async () => {
  const [line] = await logged([Buffer.from('a\u001b[2Jb\u0007c\n')]);
  assert.equal(line?.message, 'a [2Jb c');
});

test('an endless line is cut, and the next line is whole again', async () => {
  const lines = await logged([
    ...Array.from({ length: 50 }, () => Buffer.from('x'.repeat(10_000))),
    Buffer.from('\nnext\n'),
  ]);
  assert.deepEqual(
    lines.map(({ message }) => message.length),
    [2_000, 4],
  );
});

test('a flood is cut per second, and what was dropped is reported', async () => {
  const lines = await logged([Buffer.from('line\n'.repeat(500))], {
    linesPerSecondMax: 20,
    monotonic: () => 0,
  });
  assert.equal(lines.length, 21);
  assert.equal(lines.at(-1)?.message, '480 lines of output dropped: too many per second.');
});

test('progress is debug, trouble is a warning', () => {
  for (const line of [
    'llama_model_loader: loaded meta data with 26 key-value pairs',
    'load_tensors: offloaded 25/25 layers to GPU',
    'llama_context: n_ctx = 4096',
  ]) {
    assert.equal(levelOfEngineLine(line), 'debug', line);
  }
  for (const line of [
    'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 1024.00 MiB on device 0: cudaMalloc failed: out of memory',
    'CUDA error: an illegal memory access was encountered',
    'GGML_ASSERT(n_tokens > 0)',
    "terminate called after throwing an instance of 'std::bad_alloc'",
    'Segmentation fault (core dumped)',
  ]) {
    assert.equal(levelOfEngineLine(line), 'warn', line);
  }
});
