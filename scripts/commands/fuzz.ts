/**
 * `npm run fuzz`: tries malformed input on every parser that bytes of strangers reach. Exit code 0 only if nothing crashed,
 * every failure was of an expected kind, and memory didn't grow.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { TARGETS } from '../fuzz/index.ts';
import { type FuzzOptions, fuzz } from '../fuzz/run.ts';
import { readCommandLine, UsageError } from '../lib/usage.ts';

const HELP = `Usage: npm run fuzz -- [--inputs N] [--seed S] [--only NAME]

  --inputs N   inputs for all parsers together (default: 100000)
  --seed S     repeats a run with the same number of inputs (default: random)
  --only NAME  only the parsers whose name contains the word`;
const SEED_MAX = 2 ** 31 - 1_000;
/** Caches and compiled code still grow a little after the middle; a leak of 100 bytes per input exceeds this at a million. */
const GROWTH_BYTES_MAX = 16 * 2 ** 20;

const { inputs, seed, targets } = readCommandLine(HELP, readOptions);
console.log(`seed ${seed}, ${targets.length} parsers: ${targets.map(({ name }) => name).join(', ')}`);
const result = await fuzz({ targets, inputs, seed });
for (const { target, report } of result.faults) console.error(`\n--- ${target}\n${report}`);
const perSecond = Math.round((result.inputs * 1_000) / result.durationMs);
const hasGrown = result.growthBytes > GROWTH_BYTES_MAX;
console.log(
  `${result.inputs} inputs in ${(result.durationMs / 1_000).toFixed(1)} s, ${perSecond} per second; ` +
    `memory from the middle to the end: ${(result.growthBytes / 2 ** 20).toFixed(1)} MiB` +
    `${hasGrown ? ' (too much)' : ''}; ${result.faults.length} faults`,
);
process.exitCode = result.faults.length === 0 && !hasGrown ? 0 : 1;

function readOptions(): FuzzOptions {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string', default: '100000' },
      seed: { type: 'string' },
      only: { type: 'string', default: '' },
    },
  });
  const inputs = Number(values.inputs);
  const seed = Number(values.seed ?? randomInt(SEED_MAX));
  const targets = TARGETS.filter(({ name }) => name.includes(values.only));
  if (!Number.isSafeInteger(inputs) || inputs < 1) throw new UsageError('--inputs is a positive integer.');
  if (!Number.isSafeInteger(seed)) throw new UsageError('--seed is an integer.');
  if (targets.length === 0) throw new UsageError(`No parser’s name contains "${values.only}".`);
  return { inputs, seed, targets };
}
