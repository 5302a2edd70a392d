/**
 * `npm run fuzz`: tries malformed input on every parser that bytes of strangers reach. Exit code 0 only if nothing crashed,
 * every failure was of an expected kind, and memory didn't grow.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { TARGETS } from '../fuzz/index.ts';
import { fuzz } from '../fuzz/run.ts';

const HELP = `Usage: npm run fuzz -- [--inputs N] [--seed S] [--only NAME]

  --inputs N   inputs for all parsers together (default: 100000)
  --seed S     repeats a run with the same number of inputs (default: random)
  --only NAME  only the parsers whose name contains the word`;
const SEED_MAX = 2 ** 31 - 1_000;
/** Caches and compiled code still grow a little after the middle; a leak of 100 bytes per input exceeds this at a million. */
const GROWTH_BYTES_MAX = 16 * 2 ** 20;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
} else {
  process.exitCode = await main();
}

async function main(): Promise<number> {
  const inputs = Number(values.inputs);
  const seed = Number(values.seed ?? randomInt(SEED_MAX));
  const targets = TARGETS.filter(({ name }) => name.includes(values.only));
  if (!Number.isSafeInteger(inputs) || inputs < 1 || !Number.isSafeInteger(seed) || targets.length === 0) {
    console.error(HELP);
    return 2;
  }
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
  return result.faults.length === 0 && !hasGrown ? 0 : 1;
}
