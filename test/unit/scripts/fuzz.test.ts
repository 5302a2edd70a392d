/**
 * Verifies: malformed input neither crashes a parser that bytes of strangers reach nor makes it fail in an unexpected way,
 * and the fuzzer finds it if it does.
 * Setup: a few inputs for each parser, always the same; parsers with known faults.
 * Fails if: a parser has a fault that `npm run fuzz` finds within a thousand inputs, or the fuzzer overlooks a fault, one
 * that nobody awaits, or memory that grows.
 * Own process: it watches the process for failures and collects its garbage.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { TARGETS } from '../../../scripts/fuzz/index.ts';
import { oddBytes } from '../../../scripts/fuzz/inputs.ts';
import { fuzz } from '../../../scripts/fuzz/run.ts';
import { refusing, target } from '../../../scripts/fuzz/target.ts';
import { AppError } from '../../../shared/errors.ts';

describe('the fuzzer', () => {
  it('finds no fault in the parsers', async () => {
    const { inputs, faults } = await fuzz({ targets: TARGETS, inputs: 500, seed: 7 });
    assert.deepEqual(faults, []);
    assert.ok(inputs >= 500);
  });

  it('finds a fault, with the smallest input and what repeats it', async () => {
    const careless = target({ name: 'careless', share: 1 }, oddBytes(['abc']), (bytes) => {
      if (bytes.length > 3) throw new RangeError('too long');
    });
    const strict = target({ name: 'strict', share: 1 }, fc.nat(99), (value) => {
      refusing(['bad-request'], () => {
        throw new AppError(value < 5 ? 'bad-request' : 'busy', 'No.');
      });
    });
    const { faults } = await fuzz({ targets: [careless, strict], inputs: 200, seed: 1 });
    assert.deepEqual(
      faults.map(({ target: name }) => name),
      ['careless', 'strict'],
    );
    assert.match(faults[0]?.report ?? '', /seed: \d+[\s\S]*too long/);
    assert.match(faults[1]?.report ?? '', /Counterexample: \[5\]/);
  });

  it('finds memory that grows', async () => {
    const kept: Uint32Array[] = [];
    const forgetful = target({ name: 'forgetful', share: 1 }, fc.nat(), (value) => {
      kept.push(Uint32Array.from(Array.from({ length: 10 }, () => value)));
    });
    const { growthBytes } = await fuzz({ targets: [forgetful], inputs: 4_000, seed: 1 });
    assert.ok(growthBytes > 200_000, `${growthBytes} bytes`);
  });

  it('finds a failure that nobody awaits', async () => {
    // The test runner would take it for a failure of the test.
    const url = (name: string) =>
      JSON.stringify(new URL(`../../../scripts/fuzz/${name}.ts`, import.meta.url));
    const script = `
      const { fuzz } = await import(${url('run')});
      const { target } = await import(${url('target')});
      const { default: fc } = await import('fast-check');
      const lost = target({ name: 'lost', share: 1 }, fc.nat(), async (value) => {
        void Promise.reject(new Error('lost'));
        await new Promise((resolve) => setImmediate(resolve));
      });
      const { faults } = await fuzz({ targets: [lost], inputs: 20, seed: 1 });
      console.log(faults[0].target, faults[0].report);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
    });
    assert.match(stdout, /^process Error: lost/);
  });
});
