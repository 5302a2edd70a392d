/**
 * Verifies: no two tokens of a mixed batch are sampled concurrently before its results are in order, and other batches
 * lose no time.
 * Setup: a fake of the library's native context, whose samples the test ends.
 * Fails if: two threads put the results in order at the same time, which mixes up answers, or one waits without need.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { sampleFirstAlone } from '../../../main/adapters/llama/first-sample.ts';

class Native {
  readonly begun: PromiseWithResolvers<string>[] = [];
  initBatch(_size: number): void {}
  addToBatch(..._item: unknown[]): string {
    return 'added';
  }
  sampleToken(_index: number): Promise<string> {
    const sample = Promise.withResolvers<string>();
    this.begun.push(sample);
    return sample.promise;
  }
}

/** Begins a batch of sequences with these numbers of tokens. */
function begin(native: Native, ...tokens: readonly number[]): void {
  native.initBatch(tokens.length);
  for (const [sequence, count] of tokens.entries())
    assert.equal(native.addToBatch(sequence, 0, new Uint32Array(count), new Uint32Array(1)), 'added');
  native.begun.length = 0;
}

function setUp(): Native {
  const native = new Native();
  assert.equal(sampleFirstAlone({ _ctx: native }), true);
  return native;
}

it('samples the first token of a mixed batch alone, and all others concurrently after it', async () => {
  const native = setUp();
  for (let batch = 0; batch < 2; batch += 1) {
    begin(native, 1, 5, 1);
    const samples = [0, 1, 2].map((index) => native.sampleToken(index));
    await turn();
    assert.equal(native.begun.length, 1);
    native.begun[0]?.resolve('first');
    await turn();
    assert.equal(native.begun.length, 3);
    for (const sample of native.begun) sample.resolve('later');
    assert.deepEqual(await Promise.all(samples), ['first', 'later', 'later']);
  }
});

it('samples the others even if the first one fails', async () => {
  const native = setUp();
  begin(native, 5, 1);
  const [first, second] = [native.sampleToken(0), native.sampleToken(1)];
  native.begun[0]?.reject(new Error('failed'));
  await assert.rejects(first ?? Promise.resolve());
  await turn();
  native.begun[1]?.resolve('second');
  assert.equal(await second, 'second');
});

it('samples a batch with one token of each sequence concurrently, even after a mixed one', async () => {
  const native = setUp();
  begin(native, 5, 1);
  begin(native, 1, 1, 1);
  const samples = [0, 1, 2].map((index) => native.sampleToken(index));
  assert.equal(native.begun.length, 3);
  for (const sample of native.begun) sample.resolve('drawn');
  await Promise.all(samples);
});

it('reports a version of the library that samples otherwise', () => {
  assert.equal(sampleFirstAlone({}), false);
  assert.equal(sampleFirstAlone({ _ctx: { initBatch() {}, addToBatch() {} } }), false);
});
