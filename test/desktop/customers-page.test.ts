/**
 * Verifies: the owner sees the storefront's customers with their balances, adds and revokes keys, and pays a balance out after
 *   a confirmation outside of the page.
 * Setup: the real pages in Chromium with a fake agent whose storefront is open. A payout waits for the test.
 * Fails if: a customer or a balance isn't shown, a secret is shown again, a payout goes to another address than the typed one
 *   or looks sent before it is confirmed, or a revoked key's balance can't be paid out.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { FakeAgent } from '../fakes/agent-api.ts';
import { CUSTOMER_KEY, customersAt, PAYER } from '../fakes/agent-storefront.ts';
import { axeFindings } from './axe.ts';
import { type Pages, startPages } from './pages-browser.ts';

const TO = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages?.close());

const open = (agent: FakeAgent) =>
  agent.change({
    storefront: {
      ...{ state: 'open', address: 'http://127.0.0.1:8480', publicUrl: 'https://ai.example.com' },
      ...{ isFixed: false, certificate: null },
    },
  });
const withCustomers = (agent: FakeAgent) => {
  open(agent);
  agent.setCustomers(customersAt(agent.now()));
};
const calls = (agent: FakeAgent, name: string) =>
  agent.calls.filter((call) => call.name === `storefront.${name}`).map(({ input }) => input);

test('lists keys and payers with balance, use and last request', () =>
  pages.withPage({ prepare: withCustomers }, async ({ page, go }) => {
    await go('sources');
    const card = page.getByRole('region', { name: 'Customers', exact: true });
    const [ada, bob, payer] = ['Ada’s research group', 'Bob', '0x7a7a7a'].map((text) =>
      card.getByRole('listitem').filter({ hasText: text }),
    );
    const texts = async (row: typeof ada) => (await row?.innerText())?.replaceAll(/\s+/g, ' ') ?? '';
    await ada?.waitFor();
    assert.match(
      await texts(ada),
      /ID: 0011223344556677 · Used: .*1\.25.* · Last request: .*10:35.*2\.50 USDC.* Balance/,
    );
    assert.match(await texts(bob), /Bob Revoked .*No recent request/);
    assert.match(await texts(payer), /Used: .*Last request: .*9:42.* Balance/);
    assert.equal(await bob?.getByRole('button', { name: 'Revoke Bob' }).count(), 0);
    await page.getByRole('button', { name: 'Pay out the balance of Bob' }).click();
    assert.deepEqual(await axeFindings(page), []);
  }));

test('there is no list while the storefront is closed, and an open one without customers says so', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('sources');
    const card = page.getByRole('region', { name: 'Customers', exact: true });
    await page.getByRole('region', { name: 'Which jobs come first', exact: true }).waitFor();
    assert.equal(await card.count(), 0);
    open(agent);
    await card.getByText('No customers yet.').waitFor();
  }));

test('a customer is added, its key shown once, and it is revoked', () =>
  pages.withPage({ prepare: open }, async ({ page, agent, go }) => {
    await go('sources');
    await page.getByRole('button', { name: 'Add a customer' }).click();
    const create = page.getByRole('button', { name: 'Create key' });
    assert.ok(await create.isDisabled(), 'a customer needs a name');
    await page.getByLabel('Name', { exact: true }).fill(' Carol ');
    await create.click();
    await page.getByText(CUSTOMER_KEY).waitFor();
    assert.deepEqual(calls(agent, 'addCustomer'), [{ name: 'Carol' }]);
    await page.getByRole('button', { name: 'Revoke Carol' }).waitFor();
    await go('home');
    await go('sources');
    await page.getByRole('button', { name: 'Revoke Carol' }).click();
    assert.equal(await page.getByText(CUSTOMER_KEY).count(), 0);
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('Revoked').waitFor();
    assert.deepEqual(calls(agent, 'revokeCustomer'), [{ id: 'c'.repeat(16) }]);
  }));

test('a balance is paid out to the typed address, once the owner has confirmed', () =>
  pages.withPage({ prepare: withCustomers }, async ({ page, agent, go }) => {
    const confirmed = Promise.withResolvers<void>();
    agent.setCustomers(customersAt(agent.now()), confirmed.promise);
    await go('sources');
    await page.getByRole('button', { name: 'Pay out the balance of Ada’s research group' }).click();
    const act = page.getByRole('button', { name: 'Pay out the balance', exact: true });
    const to = page.getByRole('textbox', { name: 'To', exact: true });
    await to.fill('0x12');
    assert.ok(await act.isDisabled(), 'it needs an address');
    await to.fill(` ${TO} `);
    await act.click();
    await page.getByText('Waiting for your confirmation').waitFor();
    assert.ok(await act.isDisabled());
    assert.equal(await page.getByText('is on its way').count(), 0);
    confirmed.resolve();
    await page.getByText(/2\.50.* is on its way/).waitFor();
    assert.deepEqual(calls(agent, 'payOut'), [{ who: '0011223344556677', to: TO }]);
    await page.getByRole('button', { name: 'Close' }).click();
    await page
      .getByRole('button', { name: 'Pay out the balance of Ada’s research group' })
      .waitFor({ state: 'detached' });
  }));

test('a payer is paid at its own address, a revoked key can be paid, and a declined payout says so', () =>
  pages.withPage({ prepare: withCustomers }, async ({ page, agent, go }) => {
    await go('sources');
    await page.getByRole('button', { name: `Pay out the balance of ${PAYER}` }).click();
    const to = page.getByRole('textbox', { name: 'To', exact: true });
    assert.equal(await to.inputValue(), PAYER);
    agent.failNext('storefront.payOut', 'not-permitted', 'The owner declined the transfer.');
    const act = page.getByRole('button', { name: 'Pay out the balance', exact: true });
    await act.click();
    await page.getByText('Nothing was sent.').waitFor();
    assert.deepEqual(calls(agent, 'payOut'), [{ who: PAYER, to: null }]);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Pay out the balance of Bob' }).click();
    await to.fill(TO);
    await act.click();
    await page.getByText('is on its way').waitFor();
    assert.deepEqual(calls(agent, 'payOut')[1], { who: '8899aabbccddeeff', to: TO });
  }));

test('a payment made elsewhere is credited once the owner has confirmed; a revoked key gets none', () =>
  pages.withPage({ prepare: withCustomers }, async ({ page, agent, go }) => {
    const confirmed = Promise.withResolvers<void>();
    agent.setCustomers(customersAt(agent.now()), confirmed.promise);
    agent.change({ app: { ...agent.script.state.app, host: 'desktop' } });
    await go('sources');
    assert.equal(await page.getByRole('button', { name: 'Credit Bob' }).count(), 0);
    await page.getByRole('button', { name: 'Credit Ada’s research group' }).click();
    const act = page.getByRole('button', { name: 'Credit the payment', exact: true });
    const sum = page.getByRole('textbox', { name: 'Amount (USDC)' });
    assert.deepEqual(await axeFindings(page), []);
    for (const wrong of ['0', '-1', 'five', '0.0000001']) {
      await sum.fill(wrong);
      assert.ok(await act.isDisabled(), wrong);
    }
    await sum.fill('5.25');
    await act.click();
    await page.getByText('Waiting for your confirmation').waitFor();
    assert.ok(await act.isDisabled());
    confirmed.resolve();
    await act.waitFor({ state: 'detached' });
    assert.deepEqual(calls(agent, 'credit'), [{ id: '0011223344556677', amount: '5250000' }]);
    const card = page.getByRole('region', { name: 'Customers', exact: true });
    await card.getByText('7.75').waitFor();
  }));

test('a declined credit, and one without the desktop app, name what happened', () =>
  pages.withPage({ prepare: withCustomers }, async ({ page, agent, go }) => {
    await go('sources');
    await page.getByRole('button', { name: 'Credit Ada’s research group' }).click();
    await page.getByRole('textbox', { name: 'Amount (USDC)' }).fill('5');
    for (const [code, message] of [
      ['not-permitted', 'You declined. Nothing was changed.'],
      ['unsupported', 'Run `idlewatt customers credit 0011223344556677 5`.'],
    ] as const) {
      agent.failNext('storefront.credit', code, message);
      await page.getByRole('button', { name: 'Credit the payment', exact: true }).click();
      await page.getByText(message).waitFor();
    }
  }));
