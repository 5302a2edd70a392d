/**
 * Verifies: the page Machines shows each machine's state with its reason and what it did, pauses one or all, names those
 * that weren't reached, shows a code for one more, removes one or leaves after a question, and sets rules for all; a machine on its own
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

const asOwner = (agent: FakeAgent) => agent.change(officeState(agent.script.state, agent.now()));

function asMember(agent: FakeAgent): void {
  const state = officeState(agent.script.state, agent.now());
  const machines = state.machines;
  const others = (machines?.machines ?? []).map((machine) => ({ ...machine, isRemovable: false }));
  if (machines) {
    const own = { machines: others, role: 'use' as const, ruledBy: 'Reception' };
    agent.change({ ...state, machines: { ...machines, ...own } });
  }
}

const PAYOUT = '0x90F79bf6EB2c4f870365E785982E1f101E93b906';

/** An office of which two machines sell to others, one for practice money, and not to the address for all yet. */
function sellingOutside(agent: FakeAgent, role: 'owner' | 'use' = 'owner'): void {
  const state = officeState(agent.script.state, agent.now());
  const { machines } = state;
  const usdc = { id: 'eip155:8453/0xusdc', symbol: 'USDC', decimals: 6, practice: false };
  const sold = [
    { asset: usdc, earned: '12340000', payout: PAYOUT },
    {
      asset: { ...usdc, id: 'eip155:31337/0xusdc', practice: true },
      earned: '500000',
      payout: '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65',
    },
  ];
  if (!machines) return;
  agent.change({
    ...state,
    machines: {
      ...machines,
      role,
      payout: { address: PAYOUT, by: 'Front desk', setAtMs: agent.now() - 3_600_000 },
      machines: machines.machines.map((machine, index) => ({
        ...machine,
        report: machine.report && { ...machine.report, outside: sold[index] ?? null },
      })),
    },
  });
}

/** The same, on a machine that sells itself. */
function onlyOutside(agent: FakeAgent): void {
  const { app, money, work } = agent.script.state;
  sellingOutside(agent);
  agent.change({ app, money, work });
}

function onFirstRun(agent: FakeAgent): void {
  agent.change({ settings: { ...agent.script.state.settings, welcomeSeen: false } });
}

function alone(agent: FakeAgent): void {
  const state = officeState(agent.script.state, agent.now());
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

test('a machine leaves the network after a question', () =>
  pages.withPage({ prepare: asMember }, async ({ agent, page, go }) => {
    await go('machines');
    const left = () => agent.calls.filter(({ name }) => name === 'machines.leave').length;
    const button = page.getByRole('button', { name: 'Leave this network' });
    await button.click();
    const dialog = page.getByRole('alertdialog', { name: 'Leave the network of your machines?' });
    assert.match(await dialog.innerText(), /ledger stays/);
    assert.deepEqual(await axeFindings(page), []);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    assert.equal(left(), 0);
    await button.click();
    await dialog.getByRole('button', { name: 'Leave this network' }).click();
    await page.getByText('This machine has left. Restart Idlewatt to use it on its own.').waitFor();
    assert.equal(left(), 1);
    assert.equal(await button.count(), 0);
  }));

test('a machine without others has no network to leave', () =>
  pages.withPage({ prepare: alone }, async ({ page, go }) => {
    await go('machines');
    await page.getByRole('button', { name: 'Pause all' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Leave this network' }).count(), 0);
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
    await go('settings');
    assert.equal(await page.getByText('Set for all machines').count(), 0, 'nothing there is set for all');
  }));

test('a setting for all is grayed out where it isn’t made, with a line that names the place', () =>
  pages.withPage({ prepare: asMember }, async ({ agent, page, go }) => {
    await go('schedule');
    await page.getByText('Set by the owner’s machine Reception. Change it there').waitFor();
    assert.ok(await page.getByRole('switch', { name: 'Run only during these hours' }).isDisabled());
    assert.ok(await page.getByRole('radio', { name: 'Never' }).isDisabled());
    assert.ok(await page.getByRole('button', { name: 'Copy Mon to Fri' }).isDisabled());
    const hour = page.getByRole('button', { name: 'Monday, 0 to 1' });
    assert.equal(await hour.getAttribute('aria-disabled'), 'true');
    await hour.click({ force: true });
    await hour.press('Shift+ArrowRight');
    assert.deepEqual(await axeFindings(page), []);
    await go('machine');
    assert.ok(await page.getByRole('slider', { name: 'Intensity' }).isDisabled());
    assert.ok(await page.getByRole('textbox', { name: 'Power limit' }).isDisabled());
    assert.ok(
      await page.getByRole('textbox', { name: 'Unload other models after' }).isEnabled(),
      'this one isn’t set for all',
    );
    assert.deepEqual(
      agent.calls.filter(({ name }) => name === 'settings.change'),
      [],
    );
  }));

test('the owner’s machine changes there what it set for all', () =>
  pages.withPage({ prepare: asOwner }, async ({ page, go }) => {
    await go('machine');
    await page.getByText('A change here changes it on all machines').waitFor();
    assert.ok(await page.getByRole('slider', { name: 'Intensity' }).isEnabled());
  }));

test('machines that sell show what they earned outside, money of each kind apart', () =>
  pages.withPage({ prepare: (agent) => sellingOutside(agent) }, async ({ page, go }) => {
    await go('machines');
    const row = (name: string) => page.getByRole('row').filter({ hasText: name }).innerText();
    assert.match(await row('Front desk'), /12\.34/);
    assert.match(await row('Render-02'), /Practice|practice/);
    assert.match(await row('Sales-03'), /–/);
    const summary = await page.getByRole('region', { name: 'Overview' }).innerText();
    assert.match(summary, /Earned outside in 30 days:.*12\.34.*50\.00.ct.*Practice/s);
    await page.getByText('Not in use yet: Render-02').waitFor();
    assert.deepEqual(await axeFindings(page), []);
  }));

test('a machine that sells and is among its owner’s others still has the market as a source of jobs', () =>
  pages.withPage({ prepare: onlyOutside }, async ({ page, go }) => {
    await go('sources');
    for (const name of ['Idlewatt’s market', 'Storefront', 'AI Horde'])
      await page.getByRole('region', { name, exact: true }).waitFor();
  }));

test('an owner asks for one payout address, which another place confirms; others only see it', async () => {
  await pages.withPage({ prepare: (agent) => sellingOutside(agent) }, async ({ agent, page, go }) => {
    await go('machines');
    const set = page.getByRole('button', { name: 'Set for all' });
    const field = page.getByRole('textbox', { name: 'Address' });
    await field.fill('0x12');
    assert.ok(await set.isDisabled(), 'no whole address');
    await field.fill('0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65');
    await set.click();
    await page.getByText('Confirm it in the dialog').waitFor();
    await page.getByRole('button', { name: 'Use each machine’s own' }).click();
    assert.deepEqual(
      agent.calls.filter(({ name }) => name === 'machines.requestPayout').map(({ input }) => input),
      [{ address: '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65' }, { address: null }],
    );
  });
  await pages.withPage({ prepare: (agent) => sellingOutside(agent, 'use') }, async ({ page, go }) => {
    await go('machines');
    await page.getByText(PAYOUT).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Set for all' }).count(), 0);
  });
});

test('a machine that sells keeps its money pages among the owner’s machines, and can be the first of them', async () => {
  await pages.withPage({ prepare: onlyOutside }, async ({ page }) => {
    const names = await page.getByRole('navigation', { name: 'Main', exact: true }).innerText();
    assert.match(names, /Earnings.*Wallet.*Machines/s);
  });
  await pages.withPage({}, async ({ agent, page, go }) => {
    await go('machines');
    await page.getByRole('button', { name: 'Start with this machine' }).click();
    await page.getByText('as soon as Idlewatt starts again').waitFor();
    assert.ok(agent.calls.some(({ name }) => name === 'machines.found'));
    assert.deepEqual(await axeFindings(page), []);
  });
});

test('the first run offers the network of the owner’s machines, after a question', () =>
  pages.withPage({ prepare: onFirstRun }, async ({ agent, page, go }) => {
    await go('welcome/1');
    await page.getByRole('button', { name: 'Use my own machines' }).click();
    const dialog = page.getByRole('alertdialog');
    await dialog.getByText('Your machines work for each other').waitFor();
    await dialog.getByRole('button', { name: 'Change the network' }).click();
    await page.waitForURL(/#\/machines$/);
    assert.deepEqual(
      agent.calls
        .filter(({ name }) => ['settings.change', 'app.chooseNetwork'].includes(name))
        .map(({ input }) => input),
      // The introduction isn't shown again there.
      [{ welcomeSeen: true }, { network: 'office' }],
    );
  }));

test('the first run offers no network where options set it', () =>
  pages.withPage(
    {
      prepare(agent) {
        onFirstRun(agent);
        const { app } = agent.script.state;
        agent.change({ app: { ...app, network: { ...app.network, isFixed: true } } });
      },
    },
    async ({ page, go }) => {
      await go('welcome/1');
      await page.getByRole('heading', { name: 'What it does' }).waitFor();
      assert.equal(await page.getByRole('button', { name: 'Use my own machines' }).count(), 0);
    },
  ));

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
