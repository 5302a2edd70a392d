/**
 * `npm run bench -- desktop`: measures the desktop app against an empty window of the same Electron, started in turn:
 * time to the window, to the first true sentence and to the first data, then the cost of an idle app, the stability of
 * the page while jobs start and end, and the time to switch pages with 100,000 jobs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { text } from '../../shared/strings/index.ts';
import { buildAll } from '../lib/build-targets.ts';
import { electronForTests } from '../lib/electron-for-tests.ts';
import { pageScriptSizes } from '../lib/page-scripts.ts';
import { openVirtualDisplay } from '../lib/virtual-display.ts';
import { type BenchApp, benchFolder, startBenchApp } from './desktop-app.ts';
import { recordJobs } from './desktop-jobs.ts';
import { processorSeconds, processTree, proportionalMegabytes } from './process-memory.ts';
import { atLeast, atMost, type BenchResult, progress } from './result.ts';

const STARTS = 20;
const IDLE_MS = 60_000;
/** Time after the start in which the app settles, before it counts as idle. */
const SETTLE_MS = 20_000;
const JOBS = 100_000;
const SWITCHES_PER_PAGE = 6;
const STABLE_MS = 60_000;
const FIRST_JOB_MS_MAX = 5 * 60_000;
const SCREEN = { width: 1400, height: 900 };

interface Place {
  readonly executable: string;
  readonly environment: Readonly<Record<string, string>>;
}

export async function run(): Promise<BenchResult> {
  if (process.platform !== 'linux') throw new Error('This benchmark reads /proc and needs Linux.');
  await buildAll();
  const electron = await electronForTests(progress);
  const display = await openVirtualDisplay(SCREEN);
  const [ours, empty] = [benchFolder('ours'), benchFolder('empty')];
  const homes = mkdtempSync(join(tmpdir(), 'idlewatt-bench-homes-'));
  try {
    const place = { executable: electron.executable, environment: display.env };
    const starts = await measureStarts(place, { ours: ours.folder, empty: empty.folder }, homes);
    const blank = await measureEmpty(place, empty.folder, join(homes, 'empty'));
    const idle = await measureIdle(place, ours.folder, join(homes, 'ours'));
    const stable = await measureStability(place, ours.folder, join(homes, 'busy'));
    const switches = await measureSwitches(place, ours.folder, join(homes, 'many'));
    return result(
      { ...starts, ...blank, ...idle, ...stable, ...switches, ...scriptSizes() },
      electron.version,
    );
  } finally {
    for (const each of [ours, empty]) each.remove();
    rmSync(homes, { recursive: true, force: true });
    await display.close();
  }
}

/** Starts both apps in turn, so that other load on the machine affects both alike. */
async function measureStarts(
  place: Place,
  folders: { readonly ours: string; readonly empty: string },
  homes: string,
) {
  progress(`Starting both apps ${STARTS} times in turn (about ${Math.round((STARTS * 9) / 60)} minutes).`);
  const times = { empty: [] as number[], window: [] as number[], word: [] as number[], data: [] as number[] };
  for (let count = 0; count < STARTS; count += 1) {
    const blank = startBenchApp({ ...place, folder: folders.empty, home: join(homes, 'empty') });
    times.empty.push(await blank.after('window'));
    await blank.close();
    const app = startOurs(place, folders.ours, join(homes, 'ours'), ['--quiet-requester']);
    const windowMs = await app.after('window');
    times.window.push(windowMs);
    times.word.push(Math.max(0, (await app.after('word')) - windowMs));
    times.data.push(Math.max(0, (await app.after('data')) - windowMs));
    await app.close();
  }
  return {
    emptyWindowMs: median(times.empty),
    windowMs: median(times.window),
    windowTimesEmpty: median(times.window) / median(times.empty),
    firstWordAfterWindowMs: median(times.word),
    firstWordAfterWindowMsMax: Math.max(...times.word),
    firstDataAfterWindowMs: median(times.data),
    firstDataAfterWindowMsMax: Math.max(...times.data),
    windowsOfStarts: times.window.length,
  };
}

function startOurs(place: Place, folder: string, home: string, parameters: readonly string[]): BenchApp {
  return startBenchApp({ ...place, folder, home, parameters });
}

/** Memory and processor time of the empty window, which no app with this Electron can undercut. */
async function measureEmpty(place: Place, folder: string, home: string) {
  const app = startBenchApp({ ...place, folder, home });
  try {
    await app.after('window');
    await sleep(SETTLE_MS);
    const pids = processTree(app.pid).map(({ pid }) => pid);
    const [emptyIdlePercentOfCore] = await idlePercents([pids]);
    return { emptyIdlePercentOfCore, emptyMegabytes: proportionalMegabytes(pids) };
  } finally {
    await app.close();
  }
}

/** Waits for the first data and skips the introduction of a first start. */
async function openPages(app: BenchApp): Promise<void> {
  await app.after('data');
  await app.inPage(SKIP_INTRODUCTION);
}

const SKIP_INTRODUCTION = `(async () => {
  while (document.querySelector('nav') === null) {
    document.querySelector('.first-top button:not([disabled])')?.click();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
})()`;

/** Paused by the owner, so that no engine is loaded and nothing but the app itself is measured. */
async function measureIdle(place: Place, folder: string, home: string) {
  const app = startOurs(place, folder, home, ['--quiet-requester']);
  try {
    await openPages(app);
    await app.chooseInTray(text('en', 'pause.pause'), text('en', 'pause.until.resume'));
    await sleep(SETTLE_MS);
    const { shell, agent } = ownProcesses(app.pid, place.executable);
    const [shellPercent, agentPercent] = await idlePercents([shell, agent]);
    const [shellMegabytes, agentMegabytes] = [proportionalMegabytes(shell), proportionalMegabytes(agent)];
    return {
      idleShellPercentOfCore: shellPercent,
      idleAgentPercentOfCore: agentPercent,
      idlePercentOfCore: shellPercent + agentPercent,
      shellMegabytes,
      agentMegabytes,
      megabytes: shellMegabytes + agentMegabytes,
    };
  } finally {
    await app.close();
  }
}

/** Returns the processor time that each group of processes takes, in percent of a core. */
async function idlePercents<const Groups extends readonly (readonly number[])[]>(
  groups: Groups,
): Promise<{ [Group in keyof Groups]: number }> {
  progress(`Measuring the idle app for ${IDLE_MS / 1_000} s.`);
  const before = await Promise.all(groups.map(processorSeconds));
  const startMs = performance.now();
  await sleep(IDLE_MS);
  const seconds = (performance.now() - startMs) / 1_000;
  const after = await Promise.all(groups.map(processorSeconds));
  const percents = after.map((value, index) => (100 * (value - (before[index] ?? Number.NaN))) / seconds);
  return percents as { [Group in keyof Groups]: number };
}

/** Without the practice chain, the practice requester and the engine. */
function ownProcesses(root: number, executable: string) {
  const tree = processTree(root);
  const shell = tree.filter(
    ({ command }) => command.startsWith(executable) && !command.includes('agent-main'),
  );
  const agent = tree.filter(
    ({ command }) => command.includes('agent-main') && !command.includes('--practice-requester'),
  );
  if (agent.length !== 1) throw new Error(`Found ${agent.length} agents instead of one.`);
  return { shell: shell.map(({ pid }) => pid), agent: agent.map(({ pid }) => pid) };
}

/** Sums the layout shifts of Home, as CLS does, over a minute in which practice jobs start and end. */
async function measureStability(place: Place, folder: string, home: string) {
  const app = startOurs(place, folder, home, []);
  try {
    await openPages(app);
    progress('Waiting for the first practice job.');
    const endMs = performance.now() + FIRST_JOB_MS_MAX;
    while (!(await app.inPage<boolean>(IS_WORKING))) {
      if (performance.now() > endMs) {
        progress('No job ran: the layout is not measured.');
        return { layoutShift: Number.NaN };
      }
      await app.inPage(PRESS_START);
      await sleep(500);
    }
    progress(`Watching Home for ${STABLE_MS / 1_000} s while jobs start and end.`);
    const shift = await app.inPage<number>(layoutShift(STABLE_MS));
    return { layoutShift: shift };
  } finally {
    await app.close();
  }
}

/** A first start runs only while the owner is away. */
const PRESS_START = `[...document.querySelectorAll('main button')]
  .find((each) => each.textContent.trim() === ${JSON.stringify(text('en', 'pause.start'))})?.click()`;

/** The glyph of the status shows that a job runs. */
const IS_WORKING = "document.querySelector('.glyph.is-earning') !== null";

/** The largest session window of layout shifts (at most 5 s, gaps under 1 s), per https://web.dev/articles/cls. */
function layoutShift(durationMs: number): string {
  return `new Promise((resolve) => {
    const shifts = [];
    const watch = new PerformanceObserver((list) => shifts.push(...list.getEntries()));
    watch.observe({ type: 'layout-shift' });
    setTimeout(() => {
      watch.disconnect();
      let largest = 0, sum = 0, from = -Infinity, last = -Infinity;
      for (const { value, startTime, hadRecentInput } of shifts) {
        if (hadRecentInput) continue;
        if (startTime - last > 1000 || startTime - from > 5000) { sum = 0; from = startTime; }
        sum += value; last = startTime; largest = Math.max(largest, sum);
      }
      resolve(largest);
    }, ${durationMs});
  })`;
}

async function measureSwitches(place: Place, folder: string, home: string) {
  progress(`Recording ${JOBS} jobs.`);
  recordJobs(home, JOBS);
  const app = startOurs(place, folder, home, ['--quiet-requester']);
  try {
    await openPages(app);
    await app.chooseInTray(text('en', 'pause.pause'), text('en', 'pause.until.resume'));
    await sleep(SETTLE_MS);
    progress('Switching pages.');
    const timesMs = await app.inPage<number[]>(switchPages(SWITCHES_PER_PAGE));
    return { pageSwitchMs: median(timesMs), pageSwitchMsMax: Math.max(...timesMs) };
  } finally {
    await app.close();
  }
}

/** Selects each link of the navigation in turn; a switch ends when the page was painted and has data or asked for none. */
function switchPages(rounds: number): string {
  return `(async () => {
    const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
    const times = [];
    for (let round = 0; round < ${rounds}; round += 1) {
      for (const link of document.querySelectorAll('nav a[href^="#/"]')) {
        if (link.getClientRects().length === 0) continue;
        const before = performance.now();
        link.click();
        await painted();
        while (document.querySelector('main [aria-busy=true], main .is-loading')) await painted();
        times.push(performance.now() - before);
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    }
    return times;
  })()`;
}

/** Compressed as a server would, in the language that takes most. */
function scriptSizes() {
  const { startBytes, allBytes } = pageScriptSizes();
  return { startScriptsKilobytes: startBytes / 1_000, allScriptsKilobytes: allBytes / 1_000 };
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function result(figures: Record<string, number>, electronVersion: string): BenchResult {
  const goals: [name: string, goal: number][] = [
    ['windowTimesEmpty', 1.3],
    ['firstWordAfterWindowMsMax', 1_000],
    ['firstDataAfterWindowMs', 1_500],
    ['idlePercentOfCore', 0.5],
    ['megabytes', 300],
    ['layoutShift', 0.02],
    ['pageSwitchMs', 100],
    ['startScriptsKilobytes', 250],
  ];
  return {
    figures,
    goals: {
      ...Object.fromEntries(goals.map(([name, goal]) => [name, atMost(figures[name] ?? Number.NaN, goal)])),
      windowsOfStarts: atLeast(figures.windowsOfStarts ?? 0, STARTS),
    },
    notes: [
      `Electron ${electronVersion}; medians of ${STARTS} starts, each after one of an empty window; the first start of ours creates the data folder`,
      'first word: a true sentence about the start on the page; first data: the page with the agent’s state',
      'idle: paused by the owner, window open, over one minute; shell: all of Electron’s processes; agent: without engine, practice chain and practice requester',
      'memory: proportional set size, i.e. shared pages by their part; empty: all processes of the empty window',
      `page switches with ${JOBS} jobs: until the new page was painted`,
    ],
  };
}
