/**
 * Verifies: every page is accessible and can be read in every language, theme and width, and with text at 200%.
 * Setup: the built pages in headless Chromium against a fake agent. One window goes through all pages and changes its
 *   language, theme and width in place. In every language and width, and with text at 200%, the place of every text is
 *   compared with its card, the window and its neighbors. axe-core runs the rules that a change can affect. At every
 *   width: all rules on structure in English; in the other languages, which change only texts and their size, those on
 *   names and on what scrolls. Contrast: every text in light at the largest width; in dark, at the other widths, and on a
 *   machine that is new or where nothing can be read, each appearance of a text that wasn't checked before (see axe.ts).
 * Fails if: a color's contrast is below 4.5:1, a button has no name, a text is cut off, lies over another one or makes
 *   the page or a table scroll sideways, or a key or a placeholder appears instead of a text.
 * Long: every page is checked in every language, theme and width.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { LANGUAGES } from '../../shared/strings/languages.ts';
import { axeFindings, createAppearanceCheck } from './axe.ts';
import {
  EVERY_PAGE,
  FRAME_PAGES,
  type Opened,
  type Pages,
  startPages,
  waitForSelector,
} from './pages-browser.ts';
import { textFaults } from './text-faults.ts';

const ALL_PAGES = [...EVERY_PAGE, ...FRAME_PAGES];
const SCHEMES = ['light', 'dark'] as const;
const WIDTHS = [1280, 900, 320] as const;
const HEIGHT = 860;
/** Width from which a page has a sidebar. */
const SMALL_WINDOW_PX = 900;
/** Each width once, so that few changes of the window are needed; a phone has the least room for text at 200%. */
const VIEWS = [
  { width: 1280, textPercent: 100 },
  { width: 1280, textPercent: 200 },
  { width: 900, textPercent: 100 },
  { width: 390, textPercent: 200 },
  { width: 320, textPercent: 100 },
] as const;

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

const CATALOG_KEY =
  /\{\{|\}\}|\b(problem|notice|job|jobs|home|why|status|settings|models|machine|wallet|earnings|payout|use|source|common)\.[a-z][A-Za-z-]+\b/;

/** Words of English texts that no other language has. */
const ENGLISH = /\b(unknown|practice|Charged|Show|Copy)\b/;

/** Returns the labels of the tables that are wider than their card. */
const cutTables = (page: Opened['page']) =>
  page
    .locator('.table-scroll')
    .evaluateAll((all) =>
      all
        .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
        .map((each) => each.querySelector('table')?.getAttribute('aria-label') ?? 'a table'),
    );

async function assertReadable({ page }: Opened, what: string): Promise<void> {
  const { scroll, inner } = await page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth,
    inner: window.innerWidth,
  }));
  assert.ok(scroll <= inner, `${what}: scrolls sideways, ${scroll} > ${inner}`);
  assert.deepEqual(await textFaults(page), [], what);
}

async function assertTranslated({ page }: Opened, language: string, what: string): Promise<void> {
  const text = await page.locator('body').innerText();
  assert.doesNotMatch(text, CATALOG_KEY, what);
  assert.doesNotMatch(text, /\bNaN\b|\bundefined\b|\bnull\b|\[object/, what);
  if (language !== 'en') assert.doesNotMatch(text, ENGLISH, what);
  // Shown to a mouse only; parts/fact.tsx opens for keyboard and touch, too.
  const titles = await page
    .locator('[title]:not([title=""])')
    .evaluateAll((all) => all.map(({ outerHTML }) => outerHTML));
  assert.deepEqual(titles, [], what);
}

const setTextSize = ({ page }: Opened, percent: number) =>
  page.evaluate((size) => document.documentElement.style.setProperty('font-size', `${size}%`), percent);

const newAppearances = createAppearanceCheck();

describe('every page in every language, theme and width', () => {
  let opened: Opened;
  let shown: string | null = null;
  before(async () => {
    opened = await pages.open();
  });
  after(() => opened.close());

  /** Shows a page in a language; opens it only if another one is shown. */
  async function show(path: string, language: (typeof LANGUAGES)[number]): Promise<void> {
    const { page, agent, go } = opened;
    agent.change({ settings: { ...agent.script.state.settings, language } });
    await waitForSelector(page, `html[lang=${language}]`);
    if (shown !== path) await go(path);
    shown = path;
  }

  for (const path of ALL_PAGES) {
    for (const language of LANGUAGES) {
      test(`/${path} in ${language} has no finding of axe-core, and every text can be read`, async () => {
        const { page } = opened;
        await show(path, language);
        await assertTranslated(opened, language, path);
        const rules = language === 'en' ? 'structure' : 'texts';
        for (const { width, textPercent } of VIEWS) {
          await page.setViewportSize({ width, height: HEIGHT });
          if (textPercent === 100) {
            await assertReadable(opened, `${width} px`);
            // On a phone, the raw figures of a measurement scroll in their card.
            if (width >= SMALL_WINDOW_PX) assert.deepEqual(await cutTables(page), [], `${width} px: tables`);
            assert.deepEqual(await axeFindings(page, rules), [], `${width} px`);
            continue;
          }
          await setTextSize(opened, textPercent);
          // Otherwise one finding would make all later tests fail, too.
          await assertReadable(opened, `${width} px, text at ${textPercent}%`).finally(() =>
            setTextSize(opened, 100),
          );
        }
      });
    }
    test(`/${path} has enough contrast in light and dark`, async () => {
      const { page } = opened;
      await show(path, 'en');
      for (const width of WIDTHS.toReversed()) {
        await page.setViewportSize({ width, height: HEIGHT });
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme });
          // Only the whole run sees something else behind a text, which no theme changes.
          const isWhole = width === WIDTHS[0] && colorScheme === 'light';
          const findings = isWhole ? axeFindings(page, 'contrast') : newAppearances(page);
          assert.deepEqual(await findings, [], `${colorScheme}, ${width} px`);
        }
      }
    });
  }

  test('no page reported an error or a violation of its content security policy', () => {
    assert.deepEqual(opened.consoleErrors, []);
  });
});

for (const scenario of ['empty', 'unknown'] as const) {
  test(`axe-core finds nothing on any page, in light and dark: ${scenario}`, async () => {
    const { page, go, close } = await pages.open({ scenario });
    try {
      for (const path of ALL_PAGES) {
        await go(path);
        assert.deepEqual(await axeFindings(page, 'structure'), [], path);
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme });
          assert.deepEqual(await newAppearances(page), [], `${path}, ${colorScheme}`);
        }
      }
    } finally {
      await close();
    }
  });
}

/** Chart, sums and dates depend on how much of a month has passed, and on its length. */
const DAYS = {
  'the first day of a month of 31': [2026, 11, 1],
  'the last day of the year': [2026, 11, 31],
  'the first day of the year': [2027, 0, 1],
  'the last day of a leap February': [2028, 1, 29],
  'the last day of a month of 30': [2026, 10, 30],
} as const;

for (const [name, [year, month, day]] of Object.entries(DAYS)) {
  test(`every text of Home, Earnings and Schedule can be read on ${name}`, async () => {
    const opened = await pages.open({ startMs: new Date(year, month, day, 0, 7).getTime() });
    try {
      for (const path of ['', 'earnings', 'schedule']) {
        await opened.go(path);
        for (const width of WIDTHS) {
          await opened.page.setViewportSize({ width, height: HEIGHT });
          await assertReadable(opened, `/${path}, ${width} px`);
        }
      }
      assert.deepEqual(opened.consoleErrors, []);
    } finally {
      await opened.close();
    }
  });
}

test('axe-core finds nothing in an open menu, in a dialog, and while reconnecting', async () => {
  const { page, agent, go, close } = await pages.open();
  const check = async (what: string) => assert.deepEqual(await axeFindings(page), [], what);
  try {
    await page.getByRole('button', { name: 'Pause duration' }).click();
    await page.getByRole('menu').waitFor();
    await check('menu');
    await page.keyboard.press('Escape');
    await go('earnings');
    await page.getByRole('button', { name: 'Pay out now' }).click();
    await page.getByRole('alertdialog').waitFor();
    await check('dialog');
    await page.keyboard.press('Escape');
    agent.cut();
    await page.getByText('Reconnecting', { exact: true }).waitFor();
    await check('reconnecting');
    await go('');
    await page.getByRole('heading', { name: 'Not responding' }).waitFor();
    await check('Home without an agent');
  } finally {
    await close();
  }
});
