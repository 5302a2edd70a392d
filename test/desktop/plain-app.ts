/**
 * Starts the real app without Playwright and evaluates code in its main process over Node's inspector. Playwright
 * attaches to each page and holds the process that replaces a crashed one, so it can't test how a page comes back.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { descendants, isAlive, until } from './app.ts';
import { openOwnDisplay } from './display.ts';
import { appProgram } from './program.ts';

export interface PlainApp {
  readonly home: string;
  readonly pid: number;
  /** Evaluates an expression with `electron` and `shell` (see main/desktop/test-view.ts); a promise is awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** Evaluates an expression in the page of the main window; null if it doesn't answer within a second. */
  inPage<T>(expression: string): Promise<T | null>;
  /** PIDs of the app and of every process that it started. */
  processes(): number[];
  close(): Promise<void>;
}

/** Expression in a page: true on every page but the one of the start; the first one is the introduction. */
export const IS_UP =
  "document.querySelector('main') !== null && document.querySelector('main.connecting') === null";
/** Expression in a page: what the page of the start says. */
export const SENTENCE =
  "document.querySelector('main.connecting [role=status], main.connecting [role=alert]')?.textContent";

/** Without `home`, the app starts on a data folder of a machine that was measured and serves the tiny model. */
export async function openPlainApp(
  options: {
    readonly parameters?: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
    readonly home?: string;
    readonly folder?: string;
  } = {},
): Promise<PlainApp> {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'idlewatt-plain-')));
  if (options.home === undefined) prepareMeasuredHome(home, TINY_MODEL_ID);
  const program = await appProgram(options.folder);
  const display = await openOwnDisplay();
  const child = spawn(
    program.executable,
    ['--inspect=127.0.0.1:0', ...program.parameters, ...(options.parameters ?? ['--quiet-requester'])],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        IDLEWATT_TEST: '1',
        IDLEWATT_HOME: home,
        LANG: 'en_US.UTF-8',
        ...display.env,
        ...options.environment,
      },
    },
  );
  const socket = new WebSocket(await inspectorAddress(child));
  await once(socket, 'open');
  const evaluate = createEvaluator(socket);
  const hasShell = () => evaluate<boolean>('shell !== undefined').catch(() => false);
  await until('the shell', hasShell, (has) => has);
  const pid = forceUnwrap('the PID of a started process', child.pid);
  const page = `electron.BrowserWindow.getAllWindows().find((each) => each.webContents.getURL().includes('index.html'))`;

  return {
    home,
    pid,
    evaluate,
    inPage: (expression) =>
      evaluate(`(async () => {
        const { webContents } = ${page} ?? {};
        if (!webContents || webContents.isCrashed() || webContents.isLoading()) return null;
        const late = new Promise((resolve) => setTimeout(() => resolve(null), 1_000));
        return Promise.race([webContents.executeJavaScript(${JSON.stringify(expression)}), late]);
      })()`),
    processes: () => descendants(pid),
    async close() {
      const all = descendants(pid);
      const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null;
      await evaluate('electron.app.quit()').catch(() => {});
      socket.terminate();
      await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 8_000).unref())]);
      for (const each of all) if (isAlive(each)) process.kill(each, 'SIGKILL');
      await display.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function inspectorAddress(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: forceUnwrap('the piped standard error', child.stderr) });
  const printed: string[] = [];
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      printed.push(line);
      const address = /^Debugger listening on (ws:\S+)/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once('exit', () => reject(new Error(`The app ended:\n${printed.join('\n')}`)));
  });
}

interface InspectorAnswer {
  readonly id?: number;
  readonly error?: { readonly message: string };
  readonly result?: {
    readonly result: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
  };
}

function createEvaluator(socket: WebSocket): PlainApp['evaluate'] {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  socket.on('message', (data) => {
    const { id, error, result }: InspectorAnswer = JSON.parse(String(data));
    if (id === undefined) return;
    const answer = waiting.get(id);
    waiting.delete(id);
    const failure = error?.message ?? result?.exceptionDetails?.exception?.description;
    if (failure === undefined) answer?.resolve(result?.result.value);
    else answer?.reject(new Error(failure));
  });
  socket.on('close', () => {
    for (const answer of waiting.values()) answer.reject(new Error('The app ended.'));
  });
  return <T>(expression: string) => {
    last += 1;
    const id = last;
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    const scope = 'const shell = globalThis.idlewattShell; const { electron } = shell;';
    const parameters = {
      expression: `(async () => { ${scope} return await (${expression}); })()`,
      awaitPromise: true,
      returnByValue: true,
    };
    socket.send(JSON.stringify({ id, method: 'Runtime.evaluate', params: parameters }));
    return answer.promise as Promise<T>;
  };
}
