/**
 * Goal: what the owner lets Idlewatt take, and what holds it, can be set and read on the pages.
 * Method: the built pages in headless Chromium against a fake agent that implements the whole contract.
 * Would break: a limit kept in the wrong unit or one that cannot be lifted again.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Opened, type OpenOptions, type Pages, startPages } from './pages-browser.ts';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

async function withPage(options: OpenOptions, body: (opened: Opened) => Promise<void>): Promise<void> {
  const opened = await pages.open(options);
  try {
    await body(opened);
    assert.deepEqual(opened.complaints, []);
  } finally {
    await opened.close();
  }
}

test('5: the limit of the cards’ memory is typed in gigabytes, kept in bytes, and lifted by emptying it', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('machine');
    const field = page.getByLabel('Memory of graphics cards, at most');
    await field.fill('8');
    await field.press('Enter');
    await page.getByText('computed by the processor, more slowly').waitFor();
    await field.fill('');
    await field.press('Enter');
    assert.deepEqual(
      agent.calls.filter((call) => call.name === 'settings.change').map((call) => call.input),
      [{ graphicsMemoryBytesMax: 8_000_000_000 }, { graphicsMemoryBytesMax: null }],
    );
  }));

test('5: without a card the limit says that there is none yet', () =>
  withPage({ scenario: 'unknown' }, async ({ page, go }) => {
    await go('machine');
    await page.getByText('No graphics card was found here').waitFor();
  }));
