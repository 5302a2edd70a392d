/**
 * `npm run check`: checks types per environment, lint and format, the import rules, the wording, the migrations and the
 * CI workflow. Prints one line per part with its duration and the output of those that failed. Exit code 1 if any
 * failed.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readCommandLine } from '../lib/usage.ts';

interface Part {
  readonly name: string;
  /** Name in `node_modules/.bin`, or `node` itself. */
  readonly program: string;
  readonly parameters: readonly string[];
}

interface Outcome {
  readonly part: Part;
  readonly passed: boolean;
  readonly output: string;
  readonly durationMs: number;
}

const ROOT = join(import.meta.dirname, '../..');
const OUTPUT_LINES_MAX = 150;
/** Folders with their own tsconfig.json. */
const ENVIRONMENTS = ['shared', 'native', 'main', 'main/desktop', 'preload', 'renderer', 'test', 'scripts'];

readCommandLine('Usage: npm run check', () => parseArgs({}));

const typed = ENVIRONMENTS.filter((folder) => {
  if (hasSource(folder)) return true;
  console.log(`skipped  types ${folder}: no source yet`);
  return false;
});
const parts: Part[] = [
  {
    name: 'lint and format',
    program: 'biome',
    parameters: ['ci', '.', '--error-on-warnings', '--colors=off'],
  },
  ...typed.map((folder) => ({ name: `types ${folder}`, program: 'tsc', parameters: ['-p', folder] })),
  { name: 'layers', program: 'node', parameters: ['scripts/commands/check-layers.ts'] },
  { name: 'words', program: 'node', parameters: ['scripts/commands/check-words.ts'] },
  ...['ci', 'release'].map((name) => ({
    name: `workflow ${name}`,
    program: 'action-validator',
    parameters: [`.github/workflows/${name}.yml`],
  })),
  { name: 'documents', program: 'node', parameters: ['scripts/commands/check-docs.ts'] },
  { name: 'migrations', program: 'node', parameters: ['scripts/commands/check-migrations.ts'] },
];

const startMs = performance.now();
const outcomes = await runAll(parts, availableParallelism());
for (const { part, passed, output } of outcomes) {
  if (!passed) console.log(`\n--- ${part.name}\n${shorten(output)}\n`);
}
const failed = outcomes.filter(({ passed }) => !passed);
for (const { part, passed, durationMs } of outcomes) {
  console.log(`${passed ? 'passed ' : 'FAILED '}  ${seconds(durationMs)}  ${part.name}`);
}
const verdict = failed.length === 0 ? 'all passed' : `${failed.length} of ${outcomes.length} failed`;
console.log(`${verdict} in ${seconds(performance.now() - startMs)}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Runs as many parts concurrently as there are cores; more would only wait for each other and use memory. */
async function runAll(waiting: readonly Part[], concurrency: number): Promise<Outcome[]> {
  const ended: Outcome[] = [];
  const queue = waiting.entries();
  const work = async () => {
    for (const [index, part] of queue) ended[index] = await run(part);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return ended;
}

function run(part: Part): Promise<Outcome> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const isNode = part.program === 'node';
    const child = spawn(
      isNode ? process.execPath : join(ROOT, 'node_modules', '.bin', part.program),
      [...part.parameters],
      { cwd: ROOT, shell: !isNode && process.platform === 'win32' },
    );
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const end = (passed: boolean) =>
      resolve({ part, passed, output, durationMs: performance.now() - startedMs });
    child.on('error', (error) => {
      output += error.message;
      end(false);
    });
    child.on('close', (code) => end(code === 0));
  });
}

/** Returns true if the folder contains a TypeScript file. */
function hasSource(folder: string): boolean {
  const path = join(ROOT, folder);
  return (
    existsSync(path) &&
    readdirSync(path, { recursive: true, encoding: 'utf8' }).some((name) => /\.tsx?$/.test(name))
  );
}

/** Keeps the first lines; the part can be run alone for the rest. */
function shorten(output: string): string {
  const lines = output.trim().split('\n');
  if (lines.length <= OUTPUT_LINES_MAX) return lines.join('\n');
  return [...lines.slice(0, OUTPUT_LINES_MAX), `... and ${lines.length - OUTPUT_LINES_MAX} more lines`].join(
    '\n',
  );
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1).padStart(5)} s`;
}
