/** Shared setup of the page tests: a fresh build, a fake agent, Chromium, and a record of all console errors. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright';
import { build } from 'vite';
import { type FakeAgent, startFakeAgent } from '../fakes/agent-api.ts';
import type { Scenario } from '../fakes/agent-script.ts';

const CONFIG = fileURLToPath(new URL('../../vite.config.ts', import.meta.url));

export interface Opened {
  readonly agent: FakeAgent;
  readonly page: Page;
  /** Console errors and warnings so far, including violations of the content security policy. */
  readonly consoleErrors: string[];
  /** Opens a page by its route, for example `jobs/job-0003`, and waits for its heading. */
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
  /** Runs before the page is loaded. */
  readonly before?: (page: Page, agent: FakeAgent) => Promise<void>;
}

export interface Pages {
  open(options?: OpenOptions): Promise<Opened>;
  /** Opens a page, runs `body`, and asserts that the console stayed empty. */
  withPage(options: OpenOptions, body: (opened: Opened) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** Builds the pages into a temporary folder, so that no other build is disturbed, and starts Chromium. */
export async function startPages(): Promise<Pages> {
  const folder = await mkdtemp(join(tmpdir(), 'idlewatt-pages-'));
  await build({ configFile: CONFIG, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } });
  const browser = await launch();
  return {
    open: (options = {}) => open(browser, folder, options),
    async withPage(options, body) {
      const opened = await open(browser, folder, options);
      try {
        await body(opened);
        assert.deepEqual(opened.consoleErrors, []);
      } finally {
        await opened.close();
      }
    },
    async close() {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch(): Promise<Browser> {
  const executablePath = process.env.IDLEWATT_CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(
      `Chromium not found at ${executablePath}. Install it with \`apt-get install chromium\` or set IDLEWATT_CHROMIUM.`,
    );
  }
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
}

async function open(browser: Browser, folder: string, options: OpenOptions): Promise<Opened> {
  const agent = await startFakeAgent({ folder, scenario: options.scenario ?? 'busy' });
  if (options.language) {
    agent.change({ settings: { ...agent.script.state.settings, language: options.language } });
  }
  const context = await browser.newContext({
    colorScheme: options.scheme ?? 'light',
    viewport: { width: options.width ?? 1280, height: 860 },
    reducedMotion: 'reduce',
    hasTouch: options.hasTouch ?? false,
    locale: 'en-GB',
  });
  const page = await context.newPage();
  const consoleErrors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') consoleErrors.push(message.text());
  });
  page.on('pageerror', (error) => consoleErrors.push(error.message));
  await options.before?.(page, agent);
  await page.goto(options.url?.(agent) ?? agent.url);
  await page.locator('h1').first().waitFor();
  return {
    agent,
    page,
    consoleErrors,
    async go(path) {
      await page.evaluate((hash) => {
        window.location.hash = hash;
      }, `#/${path}`);
      await page.locator('main h1').first().waitFor();
      await page.waitForLoadState('networkidle');
    },
    async close() {
      await context.close();
      await agent.stop();
    },
  };
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
  'machine',
  'schedule',
  'network',
  'settings',
] as const;
