/** Finds the app that started itself again, which Playwright did not start, and opens its page. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright';
import { isAlive, until } from '../desktop/app.ts';

export interface RelaunchedApp {
  readonly page: Page;
  /** Of the app and every process that uses its data folder. */
  readonly pids: readonly number[];
  /** Ends as the system ends programs when a user logs out. */
  quit(): Promise<void>;
}

const OPEN_MS_MAX = 90_000;
const QUIT_MS_MAX = 30_000;
/** Chromium writes it into its own folder when it listens; the first line is the port. */
const PORT_FILE = 'desktop/DevToolsActivePort';

/** Processes whose environment names the data folder. */
export function processesOf(home: string): number[] {
  const pids = globSync('/proc/[0-9]*').map((path) => Number(path.slice('/proc/'.length)));
  return pids.filter((pid) => environmentOf(pid).includes(`IDLEWATT_HOME=${home}\0`) && isAlive(pid));
}

/** `before` are the processes of the app that ended. */
export async function relaunchedApp(home: string, before: readonly number[]): Promise<RelaunchedApp> {
  const pids = () => processesOf(home).filter((pid) => !before.includes(pid));
  await until(
    'the end of the app before',
    () => before.filter(isAlive),
    (left) => left.length === 0,
    OPEN_MS_MAX,
  );
  const browser = await until(
    'the page of the new app',
    () => connect(home),
    (found) => found !== null,
    OPEN_MS_MAX,
  );
  const find = () =>
    browser
      ?.contexts()
      .flatMap((context) => context.pages())
      .find((page) => page.url().includes('index.html'));
  const page = await until('the window of the new app', find, (found) => found !== undefined, OPEN_MS_MAX);
  if (page === undefined) throw new Error('No window.');
  return {
    page,
    get pids() {
      return pids();
    },
    async quit() {
      const all = pids();
      process.kill(Math.min(...all), 'SIGTERM');
      await until(
        'the end of all processes',
        () => all.filter(isAlive),
        (left) => left.length === 0,
        QUIT_MS_MAX,
      );
    },
  };
}

/** Null while it doesn't listen. */
async function connect(home: string): Promise<Browser | null> {
  try {
    const [port] = readFileSync(join(home, PORT_FILE), 'utf8').split('\n');
    return await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
  } catch {
    return null;
  }
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}
