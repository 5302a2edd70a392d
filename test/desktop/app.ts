/** Starts the real app (real shell, real agent, its own data folder) for a desktop test, and always ends it. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type ElectronApplication, _electron as electron, type Page } from 'playwright';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import type { OpenQuestion } from '../../main/desktop/ask.ts';
import type { TrayView } from '../../main/desktop/tray-menu.ts';
import { REPOSITORY } from '../../scripts/lib/places.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import strings from '../../shared/strings/en.json' with { type: 'json' };
import { openOwnDisplay } from './display.ts';
import { appProgram } from './program.ts';

export interface DesktopApp {
  readonly app: ElectronApplication;
  readonly page: Page;
  readonly home: string;
  /** Environment variables of the app's display. */
  readonly display: Readonly<Record<string, string>>;
  /** Presses real keys on the app's display by their X names. */
  press(...keys: string[]): void;
  /** Time from the start of the app to the window's first page, in milliseconds. */
  readonly openedMs: number;
  tray(): Promise<TrayView>;
  /** Chooses an item of the real tray menu by its labels, outermost first. */
  chooseInTray(...labels: string[]): Promise<void>;
  agentPid(): Promise<number | undefined>;
  windowVisible(): Promise<boolean>;
  /** The native dialogs that are open. */
  questions(): Promise<readonly OpenQuestion[]>;
  /**
   * Waits for the window whose address contains `address`. The next new window would be the wrong choice: the
   * hidden window that measures the GPU opens and closes at any time.
   */
  windowAt(address: string): Promise<Page>;
  /** All windows except that hidden one, which counts until it has its address. */
  windows(): Page[];
  /** PIDs of the app and of every process that it started. */
  processes(): number[];
  close(): Promise<void>;
}

/** Type of the object that main/desktop/test-view.ts exposes to code that runs in the app. */
interface ShellInApp {
  idlewattShell: {
    tray(): { view: TrayView; menu: { items: MenuItemInApp[] } };
    agentPid(): number | undefined;
    windowVisible(): boolean;
    questions(): OpenQuestion[];
  };
}
interface MenuItemInApp {
  label: string;
  click(): void;
  submenu?: { items: MenuItemInApp[] } | null;
}

const OPEN_MS_MAX = 60_000;
/** The introduction needs the agent's first state. */
const WELCOME_MS_MAX = 5 * 60_000;

export async function openApp(
  options: {
    home?: string;
    parameters?: readonly string[];
    /** Leaves the data folder when the app is closed. */
    keepsHome?: boolean;
    /** Folder of the app, instead of the repository. */
    folder?: string;
    environment?: Readonly<Record<string, string>>;
    /**
     * Leaves the introduction of the first start open, with the measurement; otherwise it is skipped as soon as it
     * appears, and a new data folder is that of a machine that was measured and serves the tiny model.
     */
    keepsWelcome?: boolean;
  } = {},
): Promise<DesktopApp> {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'idlewatt-desktop-')));
  if (options.home === undefined && !options.keepsWelcome) prepareMeasuredHome(home, TINY_MODEL_ID);
  const display = await openOwnDisplay();
  const startedMs = performance.now();
  const app = await launchElectron(
    options.folder ?? REPOSITORY,
    options.parameters ?? ['--quiet-requester'],
    {
      IDLEWATT_TEST: '1',
      IDLEWATT_HOME: home,
      LANG: 'en_US.UTF-8',
      ...display.env,
      ...options.environment,
    },
  );
  const main = app.process();
  const page = await app.firstWindow({ timeout: OPEN_MS_MAX });
  const openedMs = performance.now() - startedMs;
  if (!options.keepsWelcome) void skipWelcome(page);
  const processes = () => (main.pid === undefined ? [] : descendants(main.pid));

  return {
    app,
    page,
    home,
    display: display.env,
    press: display.press,
    openedMs,
    processes,
    tray: () => app.evaluate(() => (globalThis as unknown as ShellInApp).idlewattShell.tray().view),
    chooseInTray: (...labels) =>
      app.evaluate((_electron, path) => {
        let { items } = (globalThis as unknown as ShellInApp).idlewattShell.tray().menu;
        path.forEach((label, depth) => {
          const item = items.find((candidate) => candidate.label === label);
          if (!item)
            throw new Error(`No menu item "${label}". Items: ${items.map((each) => each.label).join(' | ')}`);
          if (depth === path.length - 1) item.click();
          else items = item.submenu?.items ?? [];
        });
      }, labels),
    agentPid: () => app.evaluate(() => (globalThis as unknown as ShellInApp).idlewattShell.agentPid()),
    windowVisible: () =>
      app.evaluate(() => (globalThis as unknown as ShellInApp).idlewattShell.windowVisible()),
    questions: () => app.evaluate(() => (globalThis as unknown as ShellInApp).idlewattShell.questions()),
    windows: () => app.windows().filter((each) => !each.url().includes('probe.html')),
    async windowAt(address) {
      const find = () => app.windows().find((each) => !each.isClosed() && each.url().includes(address));
      const found = await until(`a window at ${address}`, find, (each) => each !== undefined);
      return forceUnwrap('the window that was found', found);
    },
    async close() {
      const all = processes();
      await app.close().catch(() => {}); // some tests make the app quit earlier
      for (const pid of all) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      await display.close();
      if (!options.keepsHome) await rm(home, { recursive: true, force: true });
    },
  };
}

/** Skips the introduction when it appears; an app that ends earlier, or that has shown it before, never shows it. */
async function skipWelcome(page: Page): Promise<void> {
  await page
    .getByRole('button', { name: strings.welcome.skip, exact: true })
    .click({ timeout: WELCOME_MS_MAX })
    .catch(() => {});
}

/** Starts the app in `folder`; see {@link appProgram}. */
export async function launchElectron(
  folder: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<ElectronApplication> {
  const program = await appProgram(folder);
  return electron.launch({
    executablePath: program.executable,
    args: [...program.parameters, ...parameters],
    env: { ...stringsOf(process.env), ...environment },
    timeout: OPEN_MS_MAX,
  });
}

/** Polls `ask` until `isIt` accepts its value. After `msMax` it throws with the last value. */
export async function until<T>(
  what: string,
  ask: () => Promise<T> | T,
  isIt: (value: T) => boolean,
  msMax = 60_000,
): Promise<T> {
  const end = performance.now() + msMax;
  for (;;) {
    const value = await ask();
    if (isIt(value)) return value;
    if (performance.now() > end)
      throw new Error(`Timed out waiting for ${what}. Last value: ${JSON.stringify(value)}`);
    await wait(50);
  }
}

export function isAlive(pid: number): boolean {
  try {
    // Signal 0 also succeeds for a zombie process, so read the state instead.
    const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
    return !state.startsWith('Z');
  } catch {
    return false;
  }
}

export function descendants(root: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number) as [number, number]);
  const found = [root];
  for (const parent of found) found.push(...rows.filter(([, ppid]) => ppid === parent).map(([pid]) => pid));
  return found;
}

function stringsOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(environment).filter(([name]) => !name.startsWith('NODE_'));
  return Object.fromEntries(kept.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
