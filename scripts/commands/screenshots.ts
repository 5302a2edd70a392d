/**
 * `npm run screenshots`: takes a picture of each page of the real app while it earns practice money, and of the
 * tray's real menu and the shell's own windows as the screen shows them, into docs/screenshots.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright';
import { forceUnwrap } from '../../shared/assert.ts';
import strings from '../../shared/strings/en.json' with { type: 'json' };
import { type DesktopApp, openApp, until } from '../../test/desktop/app.ts';
import { buildAll } from '../lib/build-targets.ts';
import { electronForTests } from '../lib/electron-for-tests.ts';
import { REPOSITORY } from '../lib/places.ts';
import { encodePng } from '../lib/png.ts';
import { installSystemPackages } from '../lib/system-packages.ts';
import { openVirtualDisplay } from '../lib/virtual-display.ts';
import { pressKeys } from '../lib/virtual-input.ts';

const FOLDER = join(REPOSITORY, 'docs/screenshots');
const SIZE = { width: 1280, height: 800 };
/** The first start downloads the model. */
const FIRST_JOB_MS_MAX = 10 * 60_000;
const JOBS_BEFORE_PICTURES = 3;
const PAGES = {
  home: '#/',
  jobs: '#/jobs',
  earnings: '#/earnings',
  wallet: '#/wallet',
  'use-the-network': '#/use',
  models: '#/models',
  sources: '#/sources',
  machine: '#/machine',
  schedule: '#/schedule',
  network: '#/network',
  settings: '#/settings',
  'settings-selling': '#/settings/selling',
  about: '#/settings/about',
} as const;
const PHONE = { width: 390, height: 844 };

if (installSystemPackages(['tests']) !== null) process.exit(1);
await buildAll();
await mkdir(FOLDER, { recursive: true });
const home = await mkdtemp(join(tmpdir(), 'idlewatt-screenshots-'));
const electron = await electronForTests();
// Larger than the pictures, because a window as large as its screen loses a row and a column.
const display = await openVirtualDisplay({ width: SIZE.width + 160, height: SIZE.height + 160 });
process.env.IDLEWATT_ELECTRON_FOR_TESTS = electron.executable;
try {
  // Instead of the app's own display, whose pixels can't be read.
  const desktop = await openApp({ home, parameters: [], keepsWelcome: true, environment: display.env });
  try {
    await takePictures(desktop);
  } finally {
    await desktop.close();
  }
} finally {
  await display.close();
  await rm(home, { recursive: true, force: true });
}

async function takePictures(desktop: DesktopApp): Promise<void> {
  const { app, page } = desktop;
  await app.evaluate(({ BrowserWindow }, { width, height }) => {
    const window = BrowserWindow.getAllWindows()[0];
    window?.setPosition(0, 0);
    window?.setContentSize(width, height);
  }, SIZE);
  await welcome(page);
  await measured(page);
  await earn(desktop, page);
  const shown = { ...PAGES, job: await newestJob(page) };
  for (const [name, address] of Object.entries(shown)) {
    await go(page, address);
    await picture(page, name);
    await page.emulateMedia({ colorScheme: 'dark' });
    await picture(page, `${name}-dark`);
    await page.emulateMedia({ colorScheme: 'light' });
  }
  await page.setViewportSize(PHONE);
  // A phone's scroll bars lie over the page and are gone at rest.
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setScrollbarsHidden', { hidden: true });
  for (const [name, address] of Object.entries(shown)) {
    await go(page, address);
    await picture(page, `${name}-phone`);
  }
  await devtools.send('Emulation.setScrollbarsHidden', { hidden: false });
  await page.setViewportSize(SIZE);
  await go(page, PAGES.home);
  await trayMenu(desktop);
  await spend(desktop);
  await backup(desktop);
}

/** Goes through the introduction as a new owner does: lets it run, and waits for the first job. */
async function welcome(page: Page): Promise<void> {
  const next = page.getByRole('link', { name: strings.welcome.toMeasurement });
  await next.waitFor({ timeout: FIRST_JOB_MS_MAX });
  await picture(page, 'welcome-1');
  await next.click();
  const start = page.getByRole('button', { name: strings.pause.start });
  await start
    .or(page.getByText(strings.welcome.measurement.modelState.ready))
    .first()
    .waitFor({ timeout: FIRST_JOB_MS_MAX });
  if (await start.isVisible()) await start.click();
  await page
    .getByText(strings.welcome.measurement.state.running)
    .or(page.getByRole('heading', { name: strings.welcome.measurement.title.done, exact: true }))
    .first()
    .waitFor({ timeout: FIRST_JOB_MS_MAX });
  await wait(5_000); // the live bars need a few seconds
  await picture(page, 'welcome-2');
  await page.getByRole('link', { name: strings.welcome.continue }).click();
  await page
    .getByRole('heading', { name: strings.welcome.job.titleDone })
    .waitFor({ timeout: FIRST_JOB_MS_MAX });
  await picture(page, 'welcome-3');
  await page.getByRole('button', { name: strings.welcome.open }).click();
  await page.getByRole('navigation').first().waitFor();
}

/** Waits for the end of the measurement: before it, speeds and forecasts are unknown. */
async function measured(page: Page): Promise<void> {
  console.log('Waiting for the measurement.');
  await go(page, PAGES.machine);
  await page
    .getByRole('button', { name: strings.machine.runAgain, exact: true })
    .waitFor({ timeout: FIRST_JOB_MS_MAX });
}

/** Waits for the first jobs. */
async function earn(desktop: DesktopApp, page: Page): Promise<void> {
  await page.mouse.move(0, 0); // a pointer that rests on a number would open its tooltip
  await go(page, PAGES.home);
  console.log('Waiting for the first jobs.');
  const served = page.getByText(jobsServed()).first();
  await until(
    'served jobs',
    async () => Number(/\d+/.exec((await served.textContent()) ?? '')?.[0] ?? 0),
    (jobs) => jobs >= JOBS_BEFORE_PICTURES,
    FIRST_JOB_MS_MAX,
  );
  await until('a running job', desktop.tray, (tray) => tray.icon === 'earning', FIRST_JOB_MS_MAX);
}

/** Matches the line on Home with the number of jobs, in the singular and the plural. */
function jobsServed(): RegExp {
  const forms = [strings.home.jobsToday_one, strings.home.jobsToday_other];
  return new RegExp(forms.map((form) => form.replaceAll(/{{\w+}}/g, '\\d+')).join('|'));
}

/** Returns the address of the newest job that has ended. */
async function newestJob(page: Page): Promise<string> {
  await go(page, PAGES.jobs);
  const link = page.getByRole('table').locator('a[href^="#/jobs/"]').first();
  return forceUnwrap('the address of a link', await link.getAttribute('href'));
}

async function go(page: Page, address: string): Promise<void> {
  await page.evaluate((hash) => {
    window.location.hash = hash;
  }, address);
  await wait(1_200); // lists and charts load their data when their page opens
}

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: 'disabled' });
  console.log(`docs/screenshots/${name}.png`);
}

/** Opens the same menu object that the tray icon uses and captures the screen. */
async function trayMenu(desktop: DesktopApp): Promise<void> {
  await desktop.app.evaluate(({ BrowserWindow }) => {
    const { menu } = (
      globalThis as unknown as { idlewattShell: { tray(): { menu: Electron.Menu } } }
    ).idlewattShell.tray();
    const window = BrowserWindow.getAllWindows()[0];
    if (window) menu.popup({ window, x: 560, y: 40 });
  });
  await wait(1_000);
  // The first enabled item is the start for a time, which runs; the second is Pause.
  pressKeys(display.env, 'Down', 'Down');
  pressKeys(display.env, 'Right');
  await wait(1_000);
  await screenPart('tray-menu', { left: 480, top: 0, width: 640, height: 400 });
  pressKeys(display.env, 'Escape', 'Escape');
}

/** Starts a transfer up to the shell's confirmation, then declines it with Escape as a user would. */
async function spend({ page }: DesktopApp): Promise<void> {
  await go(page, PAGES.wallet);
  await page.getByRole('button', { name: strings.send.title, exact: true }).click();
  await page.getByRole('radio', { name: 'practice ETH' }).check({ force: true });
  await page.getByLabel(strings.send.to, { exact: true }).fill('0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC');
  await page.getByLabel(strings.send.amount, { exact: true }).fill('0.25');
  await page.keyboard.press('Enter');
  await page.getByText(strings.send.preview).waitFor();
  await page.mouse.move(0, 0);
  await picture(page, 'wallet-send');
  await page
    .getByRole('button', { name: strings.send.send.replace('{{amount}}', '0.25 practice ETH') })
    .click();
  await page.getByText(strings.send.confirming).waitFor();
  await wait(2_000);
  await screenPart('confirm-spend', { left: 0, top: 0, width: 640, height: 400 });
  pressKeys(display.env, 'Escape');
  await page.getByText(strings.send.declined).waitFor();
}

/** Captures the window for secrets before it shows any. */
async function backup({ windowAt, page }: DesktopApp): Promise<void> {
  await page.getByRole('button', { name: strings.backup.open.backup }).click();
  const secret = await windowAt('secret.html');
  await secret.getByRole('button', { name: strings.secret.backup.show }).waitFor();
  await picture(secret, 'backup');
  await secret
    .getByRole('button', { name: strings.common.close })
    .click()
    .catch(() => {}); // the click's response may be lost when its window closes
  await go(page, PAGES.home);
}

async function screenPart(
  name: string,
  area: { left: number; top: number; width: number; height: number },
): Promise<void> {
  const screen = readWindowDump(await readFile(display.dumpFile));
  const part = cut(screen, area);
  await writeFile(join(FOLDER, `${name}.png`), encodePng(part.rows, part.width, part.height, 3));
  console.log(`docs/screenshots/${name}.png`);
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixel: (x: number, y: number) => readonly [red: number, green: number, blue: number];
}

/** Reads an X window dump, version 7, 32 bits per pixel, as Xvfb writes it. */
function readWindowDump(dump: Buffer): Picture {
  const field = (index: number) => dump.readUInt32BE(index * 4);
  const [width, height, littleEndian, bitsPerPixel, bytesPerLine] = [4, 5, 7, 11, 12].map(field) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (bitsPerPixel !== 32) throw new Error(`Expected a screen with 32 bits per pixel, not ${bitsPerPixel}.`);
  const start = field(0) + field(19) * 12; // the header and its color map
  return {
    width,
    height,
    pixel(x, y) {
      const at = start + y * bytesPerLine + x * 4;
      const value = littleEndian === 0 ? dump.readUInt32LE(at) : dump.readUInt32BE(at);
      return [(value >>> 16) & 255, (value >>> 8) & 255, value & 255];
    },
  };
}

function cut(
  screen: Picture,
  area: { left: number; top: number; width: number; height: number },
): { rows: Buffer; width: number; height: number } {
  const rows = Buffer.alloc(area.height * (1 + area.width * 3));
  for (let y = 0; y < area.height; y++) {
    for (let x = 0; x < area.width; x++) {
      rows.set(screen.pixel(area.left + x, area.top + y), y * (1 + area.width * 3) + 1 + x * 3);
    }
  }
  return { rows, width: area.width, height: area.height };
}
