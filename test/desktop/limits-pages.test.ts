/**
 * Verifies: the pages set the owner's limits, and show the engine's sandbox and the schedule preview.
 * Setup: the built pages in headless Chromium against a fake agent that implements the whole contract.
 * Fails if: a limit is saved in the wrong unit or can't be removed; the sandbox appears active while no engine is
 *   loaded, or an inactive part gives no reason; the preview has no text for screen readers, or isn't updated when
 *   the rules change.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sandboxOf } from '../fakes/sandbox.ts';
import { type Opened, type OpenOptions, type Pages, startPages } from './pages-browser.ts';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

const withPage = (options: OpenOptions, body: (opened: Opened) => Promise<void>) =>
  pages.withPage(options, body);

test('5: the GPU memory limit is typed in gigabytes, saved in bytes, and removed by an empty field', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('machine');
    const field = page.getByLabel('GPU memory limit');
    await field.fill('8');
    await field.press('Enter');
    await page.getByText('runs on the CPU, more slowly').waitFor();
    await field.fill('');
    await field.press('Enter');
    assert.deepEqual(
      agent.calls.filter((call) => call.name === 'settings.change').map((call) => call.input),
      [{ graphicsMemoryBytesMax: 8_000_000_000 }, { graphicsMemoryBytesMax: null }],
    );
  }));

test('5: without a GPU the limit explains that none was found', () =>
  withPage({ scenario: 'unknown' }, async ({ page, go }) => {
    await go('machine');
    await page.getByText('No GPU was found.').waitFor();
  }));

test('11: each part of the sandbox shows if it is active, and otherwise the reason', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('machine');
    const row = (name: string) => page.getByRole('listitem').filter({ hasText: name });
    assert.match(
      await row('No network').innerText(),
      /^No network\s+active\s+It can’t open network connections/,
    );
    assert.match(
      await row('Restricted files').innerText(),
      /^Restricted files\s+not active\s+The operating system denied it/,
    );
    const { work } = agent.script.state;
    agent.change({ work: { ...work, sandbox: { ...sandboxOf('not-built'), priority: 'in-force' } } });
    await row('No network').getByText('native module isn’t built').waitFor();
    assert.match(await row('Lowest priority').innerText(), /^Lowest priority\s+active/);
  }));

test('11: while no engine is loaded, no part of the sandbox is shown as active', () =>
  withPage({ scenario: 'empty' }, async ({ page, go }) => {
    await go('machine');
    await page.getByRole('heading', { name: 'Engine sandbox' }).waitFor();
    assert.equal(await page.getByText(/^(not )?active$/).count(), 0);
    assert.match(
      await page.getByRole('listitem').filter({ hasText: 'No network' }).innerText(),
      /^No network\s+unknown/,
    );
  }));

test('5: the next 24 hours are listed period by period in words, and updated when the rules change', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    const preview = page.getByRole('region', { name: 'The next 24 hours under these rules' });
    await preview.getByText('in Europe/Berlin time').waitFor();
    const words = (await preview.getByRole('listitem').allInnerTexts()).map((text) =>
      text.replace(/\s+/g, ' '),
    );
    assert.equal(words.length, 5);
    assert.match(words[0] ?? '', /^Now until (\w{3} )?\d\d:\d\d \(30 mins\): paused by you$/);
    assert.match(words[1] ?? '', /\(3 hrs 30 mins\): outside your schedule$/);
    assert.match(words[2] ?? '', /: not off-peak$/);
    assert.match(words[3] ?? '', / to .*\(8 hrs\): allowed$/);
    const queries = () => agent.calls.filter((call) => call.name === 'presence.schedulePreview').length;
    const before = queries();
    await page.getByText('Run only during these hours').click();
    await page.waitForFunction(() => document.querySelector('.week-grid') !== null);
    for (let tries = 0; tries < 50 && queries() === before; tries += 1) await page.waitForTimeout(50);
    assert.ok(queries() > before);
  }));
