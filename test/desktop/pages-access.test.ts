/**
 * Verifies: the pages are accessible: contrast, names, structure, large text, both languages.
 * Setup: axe-core on every page in light and dark; the width of every page at 200% text size and in a narrow
 *   window; the text of every page, searched for catalog keys and unfilled placeholders.
 * Fails if: a color's contrast is below 4.5:1, a button has no name, a table makes the page scroll sideways, or a
 *   key appears instead of its text.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { EVERY_PAGE, FRAME_PAGES, type Pages, startPages } from './pages-browser.ts';

const ALL_PAGES = [...EVERY_PAGE, ...FRAME_PAGES];

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

for (const scheme of ['light', 'dark'] as const) {
  for (const scenario of ['busy', 'empty', 'unknown'] as const) {
    test(`axe-core finds nothing on any page: ${scheme}, ${scenario}`, async () => {
      const { page, go, close } = await pages.open({ scheme, scenario });
      try {
        for (const path of ALL_PAGES) {
          await go(path);
          const { violations } = await new AxeBuilder({ page }).analyze();
          assert.deepEqual(
            violations.map(({ id, nodes }) => `${path}: ${id}: ${nodes.map((node) => node.html).join(' ')}`),
            [],
          );
        }
      } finally {
        await close();
      }
    });
  }
}

test('axe-core finds nothing in an open menu, in a dialog, and while reconnecting', async () => {
  const { page, agent, go, close } = await pages.open();
  const check = async (what: string) => {
    const { violations } = await new AxeBuilder({ page }).analyze();
    assert.deepEqual(
      violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes[0]?.html}`),
      [],
    );
  };
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

for (const language of ['en', 'de'] as const) {
  test(`no page shows a catalog key, a placeholder or the wrong language: ${language}`, async () => {
    const { page, go, close, consoleErrors } = await pages.open({ language });
    try {
      await page.locator(`html[lang=${language}]`).waitFor();
      for (const path of ALL_PAGES) {
        await go(path);
        const text = await page.locator('body').innerText();
        assert.doesNotMatch(
          text,
          /\{\{|\}\}|\b(problem|notice|job|jobs|home|why|status|settings|models|machine|wallet|earnings|payout|use|source|common)\.[a-z][A-Za-z-]+\b/,
          path,
        );
        assert.doesNotMatch(text, /\bNaN\b|\bundefined\b|\bnull\b|\[object/, path);
        if (language === 'de') assert.doesNotMatch(text, /\b(unknown|practice|Charged|Show|Copy)\b/, path);
      }
      assert.deepEqual(consoleErrors, []);
    } finally {
      await close();
    }
  });
}

for (const language of ['en', 'de'] as const) {
  test(`at 200% text size no page is wider than its window: ${language}`, async () => {
    const { page, go, close } = await pages.open({ language, width: 1280 });
    try {
      await page.locator(`html[lang=${language}]`).waitFor();
      for (const path of ALL_PAGES) {
        await go(path);
        await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'));
        const { inner, scroll } = await page.evaluate(() => ({
          inner: window.innerWidth,
          scroll: document.documentElement.scrollWidth,
        }));
        assert.ok(scroll <= inner, `${path}: ${scroll} > ${inner}`);
      }
    } finally {
      await close();
    }
  });
}

test('no page is wider than a narrow window', async () => {
  const { page, go, close } = await pages.open({ width: 380 });
  try {
    for (const path of ALL_PAGES) {
      await go(path);
      const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(scroll <= 380, `${path}: ${scroll}`);
    }
  } finally {
    await close();
  }
});
