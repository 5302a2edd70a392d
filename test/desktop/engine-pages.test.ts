/**
 * Verifies: Models finds engines of the owner's own, adds and removes them, and serves their models.
 * Setup: the built pages in headless Chromium against a fake agent that implements the whole contract.
 * Fails if: an engine is added without a press, a key is shown or kept in the page, what an engine keeps after a hand-back
 *   isn't said, or a model can't be served.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Pages, startPages } from './pages-browser.ts';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

test('an engine that was found is added by a press only, and one elsewhere by its address', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('models');
    const calls = (name: string) =>
      agent.calls.filter((call) => call.name === name).map((call) => call.input);
    const card = page.getByRole('region', { name: 'Your own engines' });
    await card.getByText('http://127.0.0.1:8080').waitFor();
    assert.deepEqual(calls('engines.add'), []);
    await card.getByRole('button', { name: 'Add llama-server at http://127.0.0.1:8080' }).click();
    await card.getByText('This engine keeps its model in memory.', { exact: false }).waitFor();
    const key = card.getByLabel('Key, if it requires one');
    await card.getByLabel('Address of an engine').fill('http://192.168.1.5:8000');
    await key.fill('secret');
    await card.getByRole('button', { name: 'Add engine' }).click();
    await card.getByText('in your network, at 192.168.1.5', { exact: false }).waitFor();
    assert.deepEqual(calls('engines.add'), [
      { url: 'http://127.0.0.1:8080', key: null },
      { url: 'http://192.168.1.5:8000', key: 'secret' },
    ]);
    assert.equal(await key.inputValue(), '');
  }));

test('its models are served, those that can’t be say why, and it is removed after a confirmation', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('models');
    const card = page.getByRole('region', { name: 'Your own engines' });
    await card.getByText('asks this engine to free its memory', { exact: false }).waitFor();
    await card.getByText('can do: tools, JSON', { exact: false }).waitFor();
    await card.getByText('The model doesn’t answer a chat request.').waitFor();
    await card.getByRole('button', { name: 'Use llama3.2:3b as the main model' }).click();
    await card.getByRole('button', { name: 'Remove Ollama at http://127.0.0.1:11434' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
    await card.getByText('http://127.0.0.1:11434').waitFor({ state: 'detached' });
    assert.deepEqual(
      agent.calls
        .filter(({ name }) => ['engines.serve', 'engines.remove'].includes(name))
        .map(({ input }) => input),
      [{ id: 'ollama', model: 'llama3.2:3b' }, { id: 'ollama' }],
    );
  }));
