/**
 * Goal: the pages can be used by everyone: contrast, names, structure, enlarged text, both languages.
 * Method: axe-core on every page in light and dark; no page wider than its window at twice the text size;
 * no catalogue key and no untranslated placeholder on any page.
 * Would break: a colour below 4.5:1, a button without a name, a table that pushes the page sideways, a key
 * printed instead of its text.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { EVERY_PAGE, type Pages, startPages } from './pages-browser.ts';

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
        for (const path of EVERY_PAGE) {
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
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('menu').waitFor();
    await check('menu');
    await page.keyboard.press('Escape');
    await go('earnings');
    await page.getByRole('button', { name: 'Pay out now' }).click();
    await page.getByRole('alertdialog').waitFor();
    await check('dialog');
    await page.keyboard.press('Escape');
    agent.cut();
    await page.getByText('Reconnecting').waitFor();
    await check('reconnecting');
  } finally {
    await close();
  }
});

for (const language of ['en', 'de'] as const) {
  test(`no page shows a key, a placeholder, or the wrong language: ${language}`, async () => {
    const { page, go, close, complaints } = await pages.open({ language });
    try {
      await page.locator(`html[lang=${language}]`).waitFor();
      for (const path of EVERY_PAGE) {
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
      assert.deepEqual(complaints, []);
    } finally {
      await close();
    }
  });
}

test('at twice the text size no page is wider than its window', async () => {
  const { page, go, close } = await pages.open({ language: 'de', width: 1280 });
  try {
    for (const path of EVERY_PAGE) {
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

test('in a narrow window no page is wider than it', async () => {
  const { page, go, close } = await pages.open({ width: 380 });
  try {
    for (const path of EVERY_PAGE) {
      await go(path);
      const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(scroll <= 380, `${path}: ${scroll}`);
    }
  } finally {
    await close();
  }
});
