/**
 * Starts an Electron app for the desktop benchmark: ours, or an empty window of the same Electron. A small main file
 * around the app's own reports when its window is shown and what its page shows.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { forceUnwrap } from '../../shared/assert.ts';
import { REPOSITORY } from '../lib/places.ts';

/** Events that the main file prints, each with its time in milliseconds since the epoch. */
export type Mark = 'window' | 'word' | 'data';

export interface BenchApp {
  readonly pid: number;
  /** Time from the start of the process to an event, in milliseconds. Rejects if it doesn't happen in time. */
  after(mark: Mark): Promise<number>;
  /** Evaluates an expression in the page. */
  inPage<T>(expression: string): Promise<T>;
  /** Chooses an item of the tray menu by its labels, outermost first. */
  chooseInTray(...labels: string[]): Promise<void>;
  close(): Promise<void>;
}

/** Pages with the agent's state: the navigation of each page, or the introduction of the first start. */
const WITH_STATE = 'nav, .first-top';
const MARK_MS_MAX = 60_000;
const CLOSE_MS_MAX = 8_000;

/** Reports on standard error, and evaluates what it reads on standard input, one JSON line each. */
const MAIN = `
import { createInterface } from 'node:readline';
import { app, BrowserWindow } from 'electron';
const mark = (name) => process.stderr.write('MARK ' + name + ' ' + Date.now() + '\\n');
const seen = (query) => \`new Promise((resolve) => {
  const look = () => document.querySelector('\${query}') !== null;
  if (look()) return resolve(true);
  new MutationObserver((_, watch) => { if (look()) { watch.disconnect(); resolve(true); } })
    .observe(document.documentElement, { subtree: true, childList: true });
})\`;
let main = null;
app.on('browser-window-created', (_event, window) => {
  if (main !== null) return;
  main = window;
  window.once('show', () => mark('window'));
  window.webContents.once('dom-ready', () => {
    const tell = (query, name) => window.webContents.executeJavaScript(seen(query)).then(() => mark(name), () => {});
    tell('main.connecting [role=status], ${WITH_STATE}', 'word');
    tell('${WITH_STATE}', 'data');
  });
});
createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, page, tray } = JSON.parse(line);
  try {
    let value = null;
    if (page) value = await main.webContents.executeJavaScript(page);
    if (tray) {
      let { items } = globalThis.idlewattShell.tray().menu;
      for (const [depth, label] of tray.entries()) {
        const item = items.find((each) => each.label === label);
        if (depth === tray.length - 1) item.click();
        else items = item.submenu.items;
      }
    }
    process.stderr.write('ANSWER ' + JSON.stringify({ id, value }) + '\\n');
  } catch (error) {
    process.stderr.write('ANSWER ' + JSON.stringify({ id, error: String(error) }) + '\\n');
  }
});
`;

const EMPTY_APP = `
app.setName('empty');
app.whenReady().then(() => {
  const window = new BrowserWindow({ width: 1180, height: 780, show: false, webPreferences: { sandbox: true } });
  window.once('ready-to-show', () => window.show());
  window.loadURL('data:text/html,<!doctype html><title>empty</title><p>empty</p>');
});
`;

/** A folder with an app that {@link startBenchApp} can start; `remove` deletes it. */
export function benchFolder(kind: 'ours' | 'empty'): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), `idlewatt-bench-${kind}-`));
  const main = join(folder, 'bench-main.js');
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: kind, version: '0.0.0', type: 'module', main: 'bench-main.js' }),
  );
  if (kind === 'empty') writeFileSync(main, MAIN + EMPTY_APP);
  else {
    // Everything of the repository is where the shell looks for it.
    for (const name of readdirSync(REPOSITORY)) {
      if (name !== 'package.json') symlinkSync(join(REPOSITORY, name), join(folder, name));
    }
    writeFileSync(
      main,
      `${MAIN}\nawait import(${JSON.stringify(join(REPOSITORY, 'dist/desktop/main.js'))});\n`,
    );
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export function startBenchApp(options: {
  readonly executable: string;
  readonly folder: string;
  /** Data folder of ours, profile folder of the empty one. */
  readonly home: string;
  readonly parameters?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}): BenchApp {
  const startedAtMs = Date.now();
  const child = spawn(
    options.executable,
    [
      // Chromium's sandbox does not work for root, and benchmarks in containers run as root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      `--user-data-dir=${join(options.home, 'chromium')}`,
      options.folder,
      ...(options.parameters ?? []),
    ],
    {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: { ...process.env, ...options.environment, IDLEWATT_TEST: '1', IDLEWATT_HOME: options.home },
    },
  );
  const told = listen(child);
  const call = async (request: Readonly<Record<string, unknown>>) => {
    const id = told.nextId();
    const answer = told.answer(id);
    child.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    return answer;
  };
  return {
    pid: forceUnwrap('the PID of a started process', child.pid),
    async after(name) {
      const late = sleep(MARK_MS_MAX, null, { ref: false });
      const atMs = await Promise.race([told.mark(name), late]);
      if (atMs === null) throw new Error(`The app showed no "${name}" within ${MARK_MS_MAX / 1_000} s.`);
      return atMs - startedAtMs;
    },
    inPage: async <T>(expression: string) => (await call({ page: expression })) as T,
    async chooseInTray(...labels) {
      await call({ tray: labels });
    },
    async close() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS_MAX);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Reads the marks and answers that the app prints. */
function listen(child: ChildProcess) {
  const marks = new Map<string, PromiseWithResolvers<number>>();
  const answers = new Map<number, PromiseWithResolvers<unknown>>();
  const markOf = (name: string) => {
    const found = marks.get(name) ?? Promise.withResolvers<number>();
    marks.set(name, found);
    return found;
  };
  createInterface({ input: forceUnwrap('the piped standard error', child.stderr) }).on('line', (line) => {
    const [, name, atMs] = /^MARK (\w+) (\d+)$/.exec(line) ?? [];
    if (name !== undefined) markOf(name).resolve(Number(atMs));
    const json = /^ANSWER (.*)$/.exec(line)?.[1];
    if (json === undefined) return;
    const { id, value, error } = JSON.parse(json) as { id: number; value?: unknown; error?: string };
    const answer = answers.get(id);
    answers.delete(id);
    if (error === undefined) answer?.resolve(value);
    else answer?.reject(new Error(error));
  });
  let last = 0;
  return {
    mark: (name: Mark) => markOf(name).promise,
    nextId: () => {
      last += 1;
      return last;
    },
    answer(id: number) {
      const answer = Promise.withResolvers<unknown>();
      answers.set(id, answer);
      return answer.promise;
    },
  };
}
