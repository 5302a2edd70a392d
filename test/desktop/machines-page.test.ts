/**
 * Verifies: the page Machines shows each machine's state with its reason and what it did, pauses one or all, names those
 * that weren't reached, shows a code for one more, removes one after a question, and sets rules for all; a machine on its own
 * joins by a code; among the owner's machines no page about money is offered, and elsewhere no page about machines.
 * Setup: the built pages in Chromium against the fake agent, as an owner's machine of an office, as another machine of it,
 * as one on its own, and outside of one.
 * Fails if: a state or its reason is wrong or missing, an unknown value is shown as 0, an order goes to another machine, a
 * machine that may not do something offers it, or accessibility rules are violated.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { FakeAgent } from '../fakes/agent-api.ts';
import { officeState } from '../fakes/agent-machines.ts';
import { axeFindings } from './axe.ts';
import { type Pages, startPages } from './pages-browser.ts';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

const asOwner = (agent: FakeAgent) => agent.change(officeState(agent.script.state, Date.now()));

function asMember(agent: FakeAgent): void {
  const state = officeState(agent.script.state, Date.now());
  const machines = state.machines;
  const others = (machines?.machines ?? []).map((machine) => ({ ...machine, isRemovable: false }));
  if (machines) agent.change({ ...state, machines: { ...machines, machines: others, role: 'use' } });
}

function alone(agent: FakeAgent): void {
  const state = officeState(agent.script.state, Date.now());
  const machines = state.machines;
  if (machines)
    agent.change({ ...state, machines: { ...machines, machines: machines.machines.slice(0, 1) } });
}

test('each machine is shown with state, reason and work, and the unknown as unknown', () =>
  pages.withPage({ prepare: asOwner }, async ({ page, go }) => {
    await go('machines');
    const row = (name: string) => page.getByRole('row').filter({ hasText: name }).innerText();
    assert.match(await row('Front desk'), /this machine.*Working.*139.*168.*2\.5.*61,402/s);
    assert.match(await row('Render-02'), /May use.*Ready/s);
    assert.match(await row('Sales-03'), /Waiting.*In use/s);
    assert.match(await row('Design-03'), /May only serve.*Paused.*unknown/s);
    assert.match(await row('Support-02'), /Not responding.*Last seen.*61,402/s);
    assert.match(await row('New-06'), /Not responding.*unknown.*–.*–.*–.*–/s);
    const summary = await page.getByRole('region', { name: 'Overview' }).innerText();
    assert.match(summary, /6 machines.*307,010.*241,050 prompt tokens.*139 tokens\/s.*168 W/s);
    await page
      .getByRole('img', { name: 'Working 1, Ready 1, Waiting 1, Paused 1, Not responding 2' })
      .waitFor();
    assert.deepEqual(await axeFindings(page), []);
  }));

test('one machine and all are paused, and those that were not reached are named', () =>
  pages.withPage({ prepare: asOwner }, async ({ agent, page, go }) => {
    await go('machines');
    const orders = () =>
      agent.calls.filter(({ name }) => name === 'machines.order').map(({ input }) => input);
    await page.getByRole('button', { name: 'Pause Sales-03' }).click();
    await page.getByRole('button', { name: 'Resume Design-03' }).click();
    assert.ok(await page.getByRole('button', { name: 'Pause Support-02' }).isDisabled());
    await page.getByRole('button', { name: 'Pause all' }).click();
    await page.getByText('Not reached: Support-02').waitFor();
    assert.deepEqual(orders(), [
      { peer: '12D3KooWMachine3', order: 'pause' },
      { peer: '12D3KooWMachine4', order: 'resume' },
      { peer: null, order: 'pause' },
    ]);
  }));

test('an owner shows a code for a role', () =>
  pages.withPage({ prepare: asOwner }, async ({ agent, page, go }) => {
    await go('machines');
    await page.getByLabel('What the new machine may do').selectOption('serve');
    await page.getByText('can’t use them').waitFor();
    await page.getByRole('button', { name: 'Show a code' }).click();
    await page.getByText('infant test stamp book mad team').waitFor();
    assert.deepEqual(
      agent.calls.filter(({ name }) => name === 'machines.invite').map(({ input }) => input),
      [{ role: 'serve' }],
    );
  }));

test('another machine adds nothing, and pauses only itself unless it is an owner', () =>
  pages.withPage({ prepare: asMember }, async ({ page, go }) => {
    await go('machines');
    await page.getByText('on a machine with the role Owner').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Show a code' }).count(), 0);
    assert.equal(await page.getByRole('button', { name: 'Pause all' }).count(), 0);
    assert.ok(await page.getByRole('button', { name: 'Pause Render-02' }).isDisabled());
    assert.ok(await page.getByRole('button', { name: 'Pause Front desk' }).isEnabled());
    assert.equal(await page.getByRole('button', { name: 'Remove Render-02' }).count(), 0);
    assert.equal(await page.getByRole('switch').count(), 0);
    const rules = page.getByRole('listitem').filter({ hasText: 'Set by the owner for all machines' });
    assert.equal(await rules.count(), 2);
    await go('schedule');
    await page.getByText('Only a machine with the role Owner changes it').waitFor();
    await go('settings');
    assert.equal(await page.getByText('Set for all machines').count(), 0, 'nothing there is set for all');
  }));

test('an owner removes a machine after a question, and sets a group of settings for all', () =>
  pages.withPage({ prepare: asOwner }, async ({ agent, page, go }) => {
    await go('machines');
    assert.equal(await page.getByRole('button', { name: 'Remove Front desk' }).count(), 0);
    await page.getByRole('button', { name: 'Remove Render-02' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('switch', { name: 'Hours and off-peak hours' }).press('Space');
    await page.getByRole('switch', { name: 'Kinds of jobs' }).press('Space');
    const calls = agent.calls.filter(({ name }) => name.startsWith('machines.'));
    assert.deepEqual(
      calls.map(({ input }) => input),
      [
        { peer: '12D3KooWMachine2' },
        { group: 'schedule', isShared: false },
        { group: 'jobs', isShared: true },
      ],
    );
    await go('schedule');
    await page.getByText('A change here changes it on all machines').waitFor();
  }));

test('the last days are shown for all machines and for one, unknown energy as unknown', () =>
  pages.withPage({ prepare: asOwner }, async ({ page, go }) => {
    await go('machines');
    const table = page.getByRole('table', { name: 'The last days' });
    assert.match(
      await table.innerText(),
      /12\.3 h\s+307,010\s+2,070 Wh.*unknown.*2\.3 h\s+107,010\s+1,070 Wh/s,
    );
    await page.getByText('Without New-06').waitFor();
    await page.getByLabel('Machine', { exact: true }).selectOption({ label: 'Render-02' });
    assert.match(await table.innerText(), /2\.5 h\s+61,402\s+414 Wh/);
    assert.equal(await page.getByText('Without New-06').count(), 0);
  }));

test('pages of work name no amounts where nothing is paid', () =>
  pages.withPage({ prepare: asOwner }, async ({ page, go }) => {
    await go('jobs');
    await page.getByText('jobs · free').waitFor();
    assert.equal(await page.getByRole('columnheader', { name: 'Earned' }).count(), 0);
    await go('models');
    await page.getByRole('region', { name: 'Serving now' }).waitFor();
    assert.equal(await page.getByText('A day brings').count(), 0);
    assert.doesNotMatch(await page.locator('main').innerText(), /\bct\b/);
  }));

test('a machine on its own joins by the words that another one shows', () =>
  pages.withPage({ prepare: alone }, async ({ agent, page, go }) => {
    await go('machines');
    await page.getByLabel('Six words').fill('infant test stamp book mad team');
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByText('This machine has joined').waitFor();
    assert.deepEqual(
      agent.calls.filter(({ name }) => name === 'machines.join').map(({ input }) => input),
      [{ code: 'infant test stamp book mad team' }],
    );
    assert.deepEqual(await axeFindings(page), []);
  }));

test('among the owner’s machines work takes the place of money, elsewhere there is no page of machines', async () => {
  const links = 'navigation';
  await pages.withPage({ prepare: asOwner }, async ({ page }) => {
    const names = await page.getByRole(links, { name: 'Main', exact: true }).innerText();
    assert.match(names, /Machines/);
    assert.doesNotMatch(names, /Earnings|Wallet/);
    const main = await page.locator('main').innerText();
    assert.match(main, /Working.*Served.*61,402 tokens today.*Used/s);
    assert.doesNotMatch(main, /USDC|Earning|ct per hour/);
  });
  await pages.withPage({}, async ({ page, go }) => {
    assert.doesNotMatch(await page.getByRole(links, { name: 'Main', exact: true }).innerText(), /Machines/);
    await go('machines');
    await page.getByText('This machine is on its own').waitFor();
  });
});

for (const width of [900, 390]) {
  test(`at ${width} px nothing is cut off in German, and accessibility holds`, () =>
    pages.withPage({ prepare: asOwner, width, language: 'de', scheme: 'dark' }, async ({ page, go }) => {
      await go('machines');
      assert.deepEqual(await axeFindings(page), []);
      const surplus = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(surplus <= 0, `${surplus} px`);
    }));
}
