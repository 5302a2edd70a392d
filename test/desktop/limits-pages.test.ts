/**
 * Goal: what the owner lets Idlewatt take, and what holds it, can be set and read on the pages.
 * Method: the built pages in headless Chromium against a fake agent that implements the whole contract.
 * Would break: a limit kept in the wrong unit or one that cannot be lifted again; a sandbox that is said to hold while
 *   no engine is there, or that does not say why a part of it is missing;
 *   a preview that only eyes can read, or that stays as it was when the rules change.
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

test('11: each part of the sandbox says whether it holds, and why not', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('machine');
    const row = (name: string) => page.getByRole('listitem').filter({ hasText: name });
    assert.match(await row('No network').innerText(), /^No network\s+in force\s+It can make no connection/);
    assert.match(
      await row('No files').innerText(),
      /^No files\s+not in force\s+The operating system does not let it/,
    );
    const { work } = agent.script.state;
    agent.change({ work: { ...work, sandbox: { ...sandboxOf('not-built'), priority: 'in-force' } } });
    await row('No network').getByText('native part is missing').waitFor();
    assert.match(await row('Last in line').innerText(), /\bin force/);
  }));

test('11: while no engine is loaded nothing is said to hold it', () =>
  withPage({ scenario: 'empty' }, async ({ page, go }) => {
    await go('machine');
    await page.getByRole('heading', { name: 'What holds the engine' }).waitFor();
    assert.equal(await page.getByText('in force').count(), 0);
    assert.match(
      await page.getByRole('listitem').filter({ hasText: 'No network' }).innerText(),
      /^No network\s+unknown/,
    );
  }));

test('5: the next 24 hours stand in words, stretch by stretch, and are asked anew when the rules change', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    const preview = page.getByRole('region', { name: 'The next 24 hours by these rules' });
    await preview.getByText('by the clock of Europe/Berlin').waitFor();
    const words = (await preview.getByRole('listitem').allInnerTexts()).map((text) =>
      text.replace(/\s+/g, ' '),
    );
    assert.equal(words.length, 5);
    assert.match(words[0] ?? '', /^now until (\w{3} )?\d\d:\d\d \(30 mins\): paused by you$/);
    assert.match(words[1] ?? '', /\(3 hrs 30 mins\): not by your schedule$/);
    assert.match(words[2] ?? '', /: power is dear$/);
    assert.match(words[3] ?? '', /until .*\(8 hrs\): allowed$/);
    const asked = () => agent.calls.filter((call) => call.name === 'presence.schedulePreview').length;
    const before = asked();
    await page.getByText('Run only in these hours').click();
    await page.waitForFunction(() => document.querySelector('.week-grid') !== null);
    for (let tries = 0; tries < 50 && asked() === before; tries += 1) await page.waitForTimeout(50);
    assert.ok(asked() > before);
  }));
