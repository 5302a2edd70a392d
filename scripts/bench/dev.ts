/**
 * `npm run bench -- dev`: how long a developer waits for a change under `npm run dev`: from saving a label until it is
 * on the screen, and from saving a file of the agent until the page is connected again. Edits a copy of this tree.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { chromium, type Page } from 'playwright';
import { forceUnwrap } from '../../shared/assert.ts';
import strings from '../../shared/strings/en.json' with { type: 'json' };
import { REPOSITORY } from '../lib/places.ts';
import { atMost, type BenchResult, progress } from './result.ts';

const EDITS = 5;
const LABEL_MS_GOAL = 10_000;
const AGENT_MS_GOAL = 30_000;
const START_MS_MAX = 120_000;
const CATALOGUE = 'shared/strings/en.json';
const COMPONENT = 'renderer/parts/page-head.tsx';
const AGENT_FILE = 'main/agent.ts';

export async function run(): Promise<BenchResult> {
  const folder = copyRepository();
  const dev = spawn(
    process.execPath,
    ['scripts/commands/dev.ts', '--home', join(folder, '.cache/dev-home'), '--quiet-requester'],
    { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    return await measure(folder, createInterface({ input: dev.stdout }));
  } finally {
    await end(dev);
    rmSync(folder, { recursive: true });
  }
}

/** Copies the files that git lists, with this tree's node_modules. */
function copyRepository(): string {
  const cache = join(REPOSITORY, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'bench-dev-'));
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  for (const file of files.split('\0').filter((name) => name !== '')) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(REPOSITORY, file), join(folder, file));
  }
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'), 'junction');
  return folder;
}

async function measure(folder: string, output: Interface): Promise<BenchResult> {
  progress('Starting `npm run dev` on a copy of this tree.');
  const [url] = await Promise.all([
    lineWith(output, /^Open (http\S+)$/),
    lineWith(output, /^The agent is ready/),
  ]);
  const executablePath = process.env.IDLEWATT_CHROMIUM ?? '/usr/bin/chromium';
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath, args });
  try {
    const page = await browser.newPage({ locale: 'en-US' });
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(forceUnwrap('the address to open', url));
    await page.getByText(strings.nav.home).first().waitFor({ timeout: START_MS_MAX });
    const labelMs = await measureLabel(page, folder);
    const componentMs = await measureComponent(page, folder);
    const unexpected = [...complaints];
    // While the agent restarts, the browser reports each failed reconnection.
    const agentMs = await measureAgent(page, folder, output);
    return {
      figures: {
        labelOnScreenMaxMs: Math.max(...labelMs),
        componentOnScreenMaxMs: Math.max(...componentMs),
        agentRestartedMaxMs: agentMs,
      },
      goals: {
        labelOnScreenMaxMs: atMost(Math.max(...labelMs), LABEL_MS_GOAL),
        componentOnScreenMaxMs: atMost(Math.max(...componentMs), LABEL_MS_GOAL),
        agentRestartedMaxMs: atMost(agentMs, AGENT_MS_GOAL),
      },
      notes: [
        `${EDITS} edits each of a text in ${CATALOGUE} and of ${COMPONENT}, one of ${AGENT_FILE}; each from saving the file until Chromium shows the change`,
        unexpected.length === 0
          ? 'no error in the browser’s console while the pages were edited'
          : `in the console: ${unexpected.join(' | ')}`,
      ],
    };
  } finally {
    await browser.close();
  }
}

/** Changes the label of a page in the navigation. */
async function measureLabel(page: Page, folder: string): Promise<number[]> {
  const path = join(folder, CATALOGUE);
  const original = readFileSync(path, 'utf8');
  const label = JSON.stringify(strings.nav.home);
  const times: number[] = [];
  for (let edit = 1; edit <= EDITS; edit += 1) {
    const text = `Home ${edit} edited`;
    times.push(
      await timed(async () => {
        writeFileSync(path, original.replace(`"home": ${label}`, `"home": "${text}"`));
        await page.getByText(text).first().waitFor();
      }),
    );
  }
  return times;
}

/** Adds a text to the head of most pages, the settings among them. */
async function measureComponent(page: Page, folder: string): Promise<number[]> {
  const path = join(folder, COMPONENT);
  const original = readFileSync(path, 'utf8');
  await page.evaluate(() => {
    window.location.hash = '#/settings';
  });
  await page.getByRole('heading', { level: 1 }).waitFor();
  const times: number[] = [];
  for (let edit = 1; edit <= EDITS; edit += 1) {
    const text = `Head ${edit} edited`;
    times.push(
      await timed(async () => {
        writeFileSync(path, original.replace(/<h1([^>]*)>/, `<h1$1>${text} `));
        await page.getByText(text).first().waitFor();
      }),
    );
  }
  return times;
}

async function measureAgent(page: Page, folder: string, output: Interface): Promise<number> {
  const path = join(folder, AGENT_FILE);
  const restarted = lineWith(output, /^The agent is ready/);
  return timed(async () => {
    writeFileSync(path, `${readFileSync(path, 'utf8')}\n// edited\n`);
    await restarted;
    await page.getByText(strings.line.reconnecting.title).first().waitFor({ state: 'hidden' });
  });
}

/** Returns the first group, or else the whole match, of the next line that matches. */
async function lineWith(output: Interface, pattern: RegExp): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new Error(`No line matched ${pattern}.`)), START_MS_MAX);
  const listen = (line: string) => {
    progress(`  dev: ${line}`);
    const match = pattern.exec(line);
    if (match) resolve(match[1] ?? match[0]);
  };
  output.on('line', listen);
  return promise.finally(() => {
    clearTimeout(timer);
    output.off('line', listen);
  });
}

async function timed(task: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await task();
  return performance.now() - startMs;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
