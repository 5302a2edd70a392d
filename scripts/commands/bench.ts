/**
 * `npm run bench -- NAME [--json]`: measures and prints a table. With `--json` the last line is
 * `{"bench","machine","figures":{name:number},"goals":{name:{"goal","met"}}}`. The exit code is 0 even if a goal is
 * missed: a benchmark reports, it doesn't pass or fail a change.
 */
import { parseArgs } from 'node:util';
import { createMachineReader } from '../../main/adapters/systeminformation/index.ts';
import type { BenchResult } from '../bench/result.ts';
import { readCommandLine, UsageError } from '../lib/usage.ts';

const BENCHES: Readonly<Record<string, () => Promise<{ run(): Promise<BenchResult> }>>> = {
  serve: () => import('../bench/serve.ts'),
  machine: () => import('../bench/machine.ts'),
  settle: () => import('../bench/settle.ts'),
  ledger: () => import('../bench/ledger.ts'),
  handback: () => import('../bench/hand-back.ts'),
  predict: () => import('../bench/predict.ts'),
  presence: () => import('../bench/presence.ts'),
  dev: () => import('../bench/dev.ts'),
  desktop: () => import('../bench/desktop.ts'),
};

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

const HELP = `Usage: npm run bench -- NAME [--json]
  NAME is one of: ${Object.keys(BENCHES).join(', ')}
  --json prints the figures and goals as one line of JSON at the end`;

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  });
  const name = positionals[0] ?? '';
  const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (load === undefined || positionals.length > 1) {
    throw new UsageError(
      `Invalid benchmark "${positionals.join(' ')}". Use one of: ${Object.keys(BENCHES).join(', ')}.`,
    );
  }
  return { name, load, json: values.json };
}

async function main(): Promise<void> {
  const { name, load, json } = readCommandLine(HELP, readOptions);
  const bench = await load();
  const [machine, result] = [await describeMachine(), await bench.run()];
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
