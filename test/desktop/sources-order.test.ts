/**
 * Verifies: the owner chooses on the page of the sources which one's jobs come first, with the keyboard alone.
 * Setup: the real pages in Chromium with a fake agent.
 * Fails if: the choice isn't stored as shown, a source gets lost from the order, the focus leaves the field that is used, or a
 *   choice that an owner's machine set for all can be changed here.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { FakeAgent } from '../fakes/agent-api.ts';
import { officeState } from '../fakes/agent-machines.ts';
import { type Pages, startPages } from './pages-browser.ts';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages?.close());

test('an order of one’s own is chosen with the keyboard', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('sources');
    const card = page.getByRole('region', { name: 'Which jobs come first', exact: true });
    await card.getByText('Jobs that pay money come first, then free jobs').waitFor();
    assert.equal(await card.getByRole('radiogroup').count(), 1, 'no order is asked for');
    await card.getByRole('radio', { name: 'Better pay first' }).focus();
    await page.keyboard.press('ArrowRight');
    const horde = card.getByRole('radiogroup', { name: 'AI Horde' });
    await horde.getByRole('radio', { name: 'Third' }).focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    const isFirst = horde.getByRole('radio', { name: 'First' });
    await horde.getByRole('radio', { name: 'First', checked: true }).waitFor();
    assert.ok(await isFirst.evaluate((element) => element === document.activeElement), 'the focus stays');
    const market = card.getByRole('radiogroup', { name: 'Idlewatt’s market' });
    assert.ok(await market.getByRole('radio', { name: 'Second' }).isChecked());
    const changes = () => agent.calls.filter(({ name }) => name === 'settings.change');
    while (changes().length < 3) await setImmediate();
    assert.deepEqual(
      changes().map(({ input }) => input),
      [
        { jobPreference: 'own' },
        { jobSourceOrder: ['market', 'horde', 'bittensor'] },
        { jobSourceOrder: ['horde', 'market', 'bittensor'] },
      ],
    );
  }));

/** A machine that follows another one's rules about jobs. */
function underRules(agent: FakeAgent): void {
  const state = officeState(agent.script.state, agent.now());
  const { machines } = state;
  if (!machines) return;
  const ruled = { ruled: ['jobs' as const], ruledBy: 'Reception', role: 'use' as const };
  const own = { jobPreference: 'own' as const };
  const settings = { ...agent.script.state.settings, ...own };
  agent.change({ ...state, settings, machines: { ...machines, ...ruled } });
}

test('an order that is set for all machines is grayed out, and the page Machines leads to it', () =>
  pages.withPage({ prepare: underRules }, async ({ page, agent, go }) => {
    await go('machines');
    await page.getByRole('link', { name: 'Kinds of jobs and their order' }).click();
    const card = page.getByRole('region', { name: 'Which jobs come first', exact: true });
    await card.getByText('Set by the owner’s machine Reception').waitFor();
    const radios = await card.getByRole('radio').all();
    assert.equal(radios.length, 2 + 3 * 3, 'the choice, and three places of three sources');
    for (const radio of radios) assert.ok(await radio.isDisabled());
    await card.getByText('Better pay first').click({ force: true });
    assert.deepEqual(
      agent.calls.filter(({ name }) => name === 'settings.change'),
      [],
    );
  }));
