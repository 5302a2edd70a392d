/**
 * `npm run bench -- NAME [--json] [--jobs N] [--lines N] [--kills N]`: measures and prints a table. With `--json` the last line is
 * `{"bench","machine","figures":{name:number},"goals":{name:{"goal","met"}}}`. The exit code is 0 even if a goal is
 * missed: a benchmark reports, it doesn't pass or fail a change.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createMachineReader } from '../../main/adapters/systeminformation/index.ts';
import { BENCHES } from '../bench/index.ts';
import type { BenchResult } from '../bench/result.ts';
import { buildAll } from '../lib/build-targets.ts';
import { readCommandLine, UsageError } from '../lib/usage.ts';

/** Benchmarks with a number of jobs to choose. */
const WITH_JOBS: ReadonlySet<string> = new Set(['history', 'migrations']);

/** Describes this machine in one line. */
async function describeMachine(): Promise<string> {
  const { os, devices, memoryBytes } = await createMachineReader().inventory();
  const parts = devices.map(({ name, cores }) => (cores === null ? name : `${name}, ${cores} cores`));
  if (memoryBytes !== null) parts.push(`${Math.round(memoryBytes / 2 ** 30)} GiB`);
  return [...parts, os].join(', ');
}

function printTable(name: string, machine: string, result: BenchResult): void {
  console.log(`\n${name} on ${machine}\n`);
  const width = Math.max(...Object.keys(result.figures).map((figure) => figure.length));
  for (const [figure, value] of Object.entries(result.figures)) {
    const goal = result.goals[figure];
    const verdict = goal === undefined ? '' : `   goal ${goal.goal}: ${goal.met ? 'met' : 'MISSED'}`;
    console.log(`  ${figure.padEnd(width)}  ${value.toFixed(2).padStart(10)}${verdict}`);
  }
  for (const note of result.notes) console.log(`  ${note}`);
}

const HELP = `Usage: npm run bench -- NAME [--json] [--jobs N]
  NAME is one of: ${Object.keys(BENCHES).join(', ')}
  --json prints the figures and goals as one line of JSON at the end
  --jobs N sets the number of jobs of "history" and "migrations" (10 to 10000000, default 1000000 and 100000)
  --home DIR leaves the data folder of "history" there, and uses it if it exists
  --lines N sets the number of lines of "batch" (10 to 50000, default 400)
  --kills N kills processes of "batch" instead of comparing it with live requests (1 to 100)`;

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      jobs: { type: 'string' },
      home: { type: 'string' },
      lines: { type: 'string' },
      kills: { type: 'string' },
    },
  });
  const name = positionals[0] ?? '';
  const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (load === undefined || positionals.length > 1) {
    throw new UsageError(
      `Invalid benchmark "${positionals.join(' ')}". Use one of: ${Object.keys(BENCHES).join(', ')}.`,
    );
  }
  const jobs = values.jobs === undefined ? undefined : Number(values.jobs);
  if (
    jobs !== undefined &&
    !(Number.isInteger(jobs) && jobs >= 10 && jobs <= 10_000_000 && WITH_JOBS.has(name))
  ) {
    throw new UsageError(
      `Invalid --jobs "${values.jobs}". Use 10 to 10000000, with the benchmark "history" or "migrations".`,
    );
  }
  const lines = readCount('lines', values.lines, name, [10, 50_000]);
  const kills = readCount('kills', values.kills, name, [1, 100]);
  const { home } = values;
  if (home !== undefined && name !== 'history') {
    throw new UsageError('Invalid --home. Use it with the benchmark "history".');
  }
  const counts = { ...(lines !== undefined && { lines }), ...(kills !== undefined && { kills }) };
  return {
    name,
    load,
    json: values.json,
    options: {
      ...(jobs !== undefined && { jobs }),
      ...(home !== undefined && { home: resolve(home) }),
      ...counts,
    },
  };
}

function readCount(
  option: string,
  given: string | undefined,
  name: string,
  [min, max]: readonly [number, number],
): number | undefined {
  if (given === undefined) return undefined;
  const count = Number(given);
  if (Number.isInteger(count) && count >= min && count <= max && name === 'batch') return count;
  throw new UsageError(`Invalid --${option} "${given}". Use ${min} to ${max}, with the benchmark "batch".`);
}

async function main(): Promise<void> {
  const { name, load, json, options } = readCommandLine(HELP, readOptions);
  await buildAll({ only: ['agent'] });
  const bench = await load();
  const [machine, result] = [await describeMachine(), await bench.run(options)];
  printTable(name, machine, result);
  const { figures, goals } = result;
  if (json) console.log(JSON.stringify({ bench: name, machine, figures, goals }));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error('bench:', error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
