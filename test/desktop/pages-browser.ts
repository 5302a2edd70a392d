/** Shared setup of the page tests: built pages, a fake agent, Chromium, and a record of all console errors. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { buildAll } from '../../scripts/lib/build-targets.ts';
import { type FakeAgent, startFakeAgent, startFakeAgentServer } from '../fakes/agent-api.ts';
import type { Scenario } from '../fakes/agent-script.ts';
import type { PageServer } from '../fakes/agent-server.ts';

/** In order of preference: the shell of Chromium without a window needs half of the processor time. */
const BROWSERS = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'] as const;

/**
 * The time of day of every page and its agent when this file was loaded, in the middle of a month: how much of a month
 * has passed must not depend on the day of the run. The time passes from there.
 */
const START_MS = new Date(2026, 10, 24, 10, 42).getTime();
const AHEAD_MS = START_MS - Date.now();

const VIEWPORT = { width: 1280, height: 860 } as const;

export interface Opened {
  readonly agent: FakeAgent;
  readonly page: Page;
  /** Console errors and warnings so far, including violations of the content security policy. */
  readonly consoleErrors: string[];
  /** Opens a page by its route, for example `jobs/job-0003`, and waits for its heading and for what it asks the agent. */
  go(path: string): Promise<void>;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly scenario?: Scenario;
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
  /** A finger instead of a mouse. */
  readonly hasTouch?: boolean;
  readonly language?: 'en' | 'de';
  /** Opens this address instead of the one with the token. */
  readonly url?: (agent: FakeAgent) => string;
  /** The time of day when the page is opened, in milliseconds since 1970; no other test gets that tab. */
  readonly startMs?: number;
  /** Changes the agent before the page is loaded. */
  readonly prepare?: (agent: FakeAgent) => void;
  /** Changes the tab before the page is loaded; no other test gets that tab. */
  readonly before?: (page: Page, agent: FakeAgent) => Promise<void>;
}

export interface Pages {
  open(options?: OpenOptions): Promise<Opened>;
  /** Opens a page, runs `body`, and asserts that the console stayed empty. */
  withPage(options: OpenOptions, body: (opened: Opened) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** Starts Chromium, and builds the pages if they are out of date; `npm test` has done that already. */
export async function startPages(): Promise<Pages> {
  await buildAll({ only: ['renderer'] });
  const browser = await launch();
  const seats = createSeats(browser);
  return {
    open: (options = {}) => open(seats, options),
    async withPage(options, body) {
      const opened = await open(seats, options);
      try {
        await body(opened);
        assert.deepEqual(opened.consoleErrors, []);
      } finally {
        await opened.close();
      }
    },
    close: () => seats.close(),
  };
}

async function launch(): Promise<Browser> {
  const executablePath =
    process.env.IDLEWATT_CHROMIUM ?? BROWSERS.find((path) => existsSync(path)) ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(
      `Chromium not found at ${executablePath}. Install it with \`apt-get install chromium\` or set IDLEWATT_CHROMIUM.`,
    );
  }
  return chromium.launch({
    executablePath,
    args: [
      // Texts are as wide as in a window; otherwise the shell rounds each letter to whole pixels.
      '--font-render-hinting=none',
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });
}

/**
 * A server and a tab that the tests of a file use one after the other. The page comes from the same address in the same
 * process each time, so that its scripts are compiled once.
 */
interface Seat {
  readonly hasTouch: boolean;
  readonly server: PageServer;
  readonly context: BrowserContext;
  readonly page: Page;
}

interface Seats {
  /** Returns a free seat, or adds one. */
  take(hasTouch: boolean): Promise<Seat>;
  giveBack(seat: Seat): void;
  close(): Promise<void>;
}

function createSeats(browser: Browser): Seats {
  const free: Seat[] = [];
  const servers: PageServer[] = [];
  return {
    async take(hasTouch) {
      const index = free.findIndex((seat) => seat.hasTouch === hasTouch);
      const [found] = index < 0 ? [] : free.splice(index, 1);
      if (found) return found;
      const server = await startFakeAgentServer();
      servers.push(server);
      const context = await browser.newContext({ hasTouch, viewport: VIEWPORT, locale: 'en-GB' });
      return { hasTouch, server, context, page: await newPage(context, AHEAD_MS) };
    },
    giveBack: (seat) => void free.push(seat),
    async close() {
      await browser.close();
      for (const server of servers) await server.stop();
    },
  };
}

/** Opens a tab whose time of day is ahead of the real one by so many milliseconds. */
async function newPage(context: BrowserContext, aheadMs: number): Promise<Page> {
  const page = await context.newPage();
  await page.addInitScript(setClockAhead, aheadMs);
  return page;
}

/** Runs in the page, before its scripts. */
function setClockAhead(aheadMs: number): void {
  window.Date = new Proxy(Date, {
    construct: (real, given) => Reflect.construct(real, given.length === 0 ? [real.now() + aheadMs] : given),
    get: (real, name) => (name === 'now' ? () => real.now() + aheadMs : Reflect.get(real, name)),
  });
}

/** Takes from a tab what a test left there: its listeners, what its page stored, and the page. */
async function clear(page: Page): Promise<void> {
  page.removeAllListeners();
  await page.evaluate(() => {
    sessionStorage.clear();
    localStorage.clear();
  });
  await page.goto('about:blank');
}

async function open(seats: Seats, options: OpenOptions): Promise<Opened> {
  const seat = await seats.take(options.hasTouch ?? false);
  const aheadMs = options.startMs === undefined ? AHEAD_MS : options.startMs - Date.now();
  const agent = await startFakeAgent({
    scenario: options.scenario ?? 'busy',
    server: seat.server,
    now: () => Date.now() + aheadMs,
  });
  if (options.language) {
    agent.change({ settings: { ...agent.script.state.settings, language: options.language } });
  }
  options.prepare?.(agent);
  const isOwn = options.before !== undefined || options.startMs !== undefined;
  const page = isOwn ? await newPage(seat.context, aheadMs) : seat.page;
  await page.setViewportSize({ ...VIEWPORT, width: options.width ?? VIEWPORT.width });
  await page.emulateMedia({ colorScheme: options.scheme ?? 'light', reducedMotion: 'reduce' });
  const consoleErrors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') consoleErrors.push(message.text());
  });
  page.on('pageerror', (error) => consoleErrors.push(error.message));
  const calls = watchCalls(page);
  await options.before?.(page, agent);
  await page.goto(options.url?.(agent) ?? agent.url);
  await waitForSelector(page, 'h1');
  return {
    agent,
    page,
    consoleErrors,
    async go(path) {
      await page.evaluate(openRoute, `#/${path}`);
      await waitForSelector(page, 'main h1');
      await calls.settled();
    },
    async close() {
      await clear(page);
      if (page !== seat.page) await page.close();
      seats.giveBack(seat);
      await agent.stop();
    },
  };
}

/** Runs in the page: resolves when the page has noticed its new address. */
async function openRoute(hash: string): Promise<void> {
  if (window.location.hash === hash) return;
  const noticed = new Promise((resolve) => window.addEventListener('hashchange', resolve, { once: true }));
  window.location.hash = hash;
  await noticed;
}

/** Counts the calls of a page that the agent has not answered yet. */
function watchCalls(page: Page): { settled(): Promise<void> } {
  const open = new Set<string>();
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => {
      const { i, t } = frameOf(payload);
      if (t === undefined) open.add(i);
    });
    socket.on('framereceived', ({ payload }) => open.delete(frameOf(payload).i));
    socket.on('close', () => open.clear());
  });
  return {
    /** Resolves when all calls are answered and drawn, also those that an answer leads to. */
    async settled() {
      do {
        await page.evaluate(drawn);
      } while (open.size > 0);
    },
  };
}

/** Reads the number of the call from a message of oRPC, and its type; the one that starts a call has none. */
function frameOf(message: string | Buffer): { readonly i: string; readonly t?: number } {
  return JSON.parse(String(message));
}

/** Runs in the page: resolves when what it knows now is on the screen, with its fonts. */
async function drawn(): Promise<void> {
  await document.fonts.ready;
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
}

/** Waits until the page shows such an element. A locator would poll, after the first tries every 500 ms. */
export async function waitForSelector(page: Page, selector: string): Promise<void> {
  await page.waitForFunction((wanted) => document.querySelector(wanted)?.checkVisibility(), selector);
}

/** Pages of the frame: for phones, for the first start, and for an address that names none. */
export const FRAME_PAGES = ['more', 'nowhere', 'welcome/1', 'welcome/2', 'welcome/3'] as const;

export const EVERY_PAGE = [
  '',
  'jobs',
  'jobs/job-0006',
  'earnings',
  'wallet',
  'use',
  'models',
  'sources',
  'machine',
  'schedule',
  'network',
  'settings',
] as const;
