/**
 * Verifies: the Wallet page prepares a transfer, shows every fact of it, leaves the confirmation to the shell or
 *   terminal, and shows the true outcome.
 * Setup: the built pages in headless Chromium against the fake agent.
 * Fails if: the page sends without showing the facts first; a declined or failed transfer looks sent; a wallet
 *   without its key offers to send; a page offers secrets in a browser.
 * Long: it goes through many dialogs.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { AgentState } from '../../shared/api/state.ts';
import { until } from './app.ts';
import { axeFindings } from './axe.ts';
import { type Opened, type OpenOptions, type Pages, startPages } from './pages-browser.ts';

const TO = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

async function withWallet(
  options: OpenOptions & {
    wallet?: Partial<AgentState['wallet']>;
    real?: boolean;
    /** Opens the form. Default: true. */
    sends?: boolean;
  },
  body: (opened: Opened) => Promise<void>,
): Promise<void> {
  const opened = await pages.open(options);
  const { agent } = opened;
  const { wallet, money } = agent.script.state;
  const practice = !options.real;
  agent.change({
    wallet: { ...wallet, ...options.wallet },
    money: { ...money, asset: { ...money.asset, practice }, coin: { ...money.coin, practice } },
  });
  try {
    await opened.go('wallet');
    if (options.sends ?? true) await opened.page.getByRole('button', { name: 'Send', exact: true }).click();
    await body(opened);
    assert.deepEqual(opened.consoleErrors, []);
  } finally {
    await opened.close();
  }
}

const callsOf = ({ agent }: Opened, name: string) =>
  agent.calls.filter((call) => call.name === name).map((call) => call.input);

test('by keyboard: the facts come first, then the transfer, then its confirmation', () =>
  withWallet({}, async (opened) => {
    const { page } = opened;
    await page.getByLabel('To', { exact: true }).fill(TO);
    await page.getByLabel('Amount', { exact: true }).fill('0.0015');
    await page.keyboard.press('Enter');
    await page.getByText('Review transfer').waitFor();
    for (const fact of [TO, '0.000063', 'Practice chain', 'never sent to this address']) {
      await page.getByText(fact).first().waitFor();
    }
    assert.deepEqual(callsOf(opened, 'wallet.prepareSend'), [
      { asset: 'token', to: TO, amount: '1500', smallTest: false },
    ]);
    assert.deepEqual(callsOf(opened, 'wallet.requestSend'), []);
    assert.deepEqual(await axeFindings(page), []);
    // The button of the next step has the focus.
    assert.match((await page.evaluate(() => document.activeElement?.textContent)) ?? '', /^Send 0\.0015/);
    await page.keyboard.press('Enter');
    await page.getByText('is on its way').waitFor();
    assert.deepEqual(callsOf(opened, 'wallet.requestSend'), [{ id: 'spend-1' }]);
  }));

test('sends all of the coin as a small test with exactly these parameters', () =>
  withWallet({}, async (opened) => {
    const { page } = opened;
    await page.getByRole('radio', { name: 'practice ETH' }).check({ force: true });
    await page.getByLabel('To', { exact: true }).fill(`  ${TO} `);
    await page.getByRole('button', { name: 'Send all practice ETH' }).click();
    await page.getByText('The network fee is deducted from this amount.').waitFor();
    await page.getByText('Send a small test first').click();
    await page.getByRole('button', { name: 'Review and show the fee' }).click();
    await page.getByText('Review test transfer').waitFor();
    assert.deepEqual(callsOf(opened, 'wallet.prepareSend'), [
      { asset: 'coin', to: TO, amount: 'all', smallTest: true },
    ]);
  }));

test('invalid input is reported before any confirmation is requested', () =>
  withWallet({}, async (opened) => {
    const { page } = opened;
    const check = page.getByRole('button', { name: 'Review and show the fee' });
    assert.equal(await check.isDisabled(), true);
    await page.getByLabel('To', { exact: true }).fill('0x3C44');
    await page.getByText('Enter 0x followed by 40 characters').waitFor();
    await page.getByLabel('To', { exact: true }).fill(TO);
    await page.getByLabel('Amount', { exact: true }).fill('99999');
    await page.getByText('The wallet doesn’t hold that much.').waitFor();
    await page.getByLabel('Amount', { exact: true }).fill('0.0000001');
    await page.getByText('up to 6 decimal places').waitFor();
    assert.equal(await check.isDisabled(), true);
    assert.deepEqual(callsOf(opened, 'wallet.prepareSend'), []);
  }));

test('a wrong checksum is reported, and the input stays', () =>
  withWallet({}, async ({ page, agent }) => {
    agent.failNext('wallet.prepareSend', 'bad-request', 'The checksum of the address is wrong.');
    await page.getByLabel('To', { exact: true }).fill(TO);
    await page.getByLabel('Amount', { exact: true }).fill('0.001');
    await page.keyboard.press('Enter');
    await page.getByText('The checksum of the address is wrong.').waitFor();
    assert.equal(await page.getByLabel('To', { exact: true }).inputValue(), TO);
  }));

test('a declined transfer appears neither as sent nor as an error', () =>
  withWallet({}, async ({ page, agent }) => {
    await page.getByLabel('To', { exact: true }).fill(TO);
    await page.getByLabel('Amount', { exact: true }).fill('0.001');
    await page.keyboard.press('Enter');
    agent.failNext('wallet.requestSend', 'not-permitted', 'The spend was declined.');
    await page.getByRole('button', { name: 'Send 0.001 practice USDC' }).click();
    await page.getByText('Not confirmed').waitFor();
    await page.getByText('Nothing was sent. You can try again or edit the transfer.').waitFor();
    assert.equal(await page.getByText('is on its way').count(), 0);
    await page.getByRole('button', { name: 'Edit' }).click();
    assert.equal(await page.getByLabel('Amount', { exact: true }).inputValue(), '0.001');
  }));

test('history: each state has its label, and only a pending transfer can be sped up or canceled', () =>
  withWallet({}, async (opened) => {
    const { page } = opened;
    const rows = page.locator('.sent-row');
    for (const [index, label] of ['Pending', 'Confirmed', 'Failed', 'Replaced', 'Dropped'].entries()) {
      await rows.nth(index).getByText(label, { exact: true }).waitFor();
      const buttons = await rows
        .nth(index)
        .getByRole('button', { name: /^(Speed up|Cancel transfer)/ })
        .count();
      assert.equal(buttons, index === 0 ? 2 : 0, label);
    }
    await rows.nth(2).getByText('Only the fee was spent.').waitFor();
    await rows
      .nth(0)
      .getByRole('button', { name: /^Speed up/ })
      .click();
    await rows
      .nth(0)
      .getByRole('button', { name: /^Cancel transfer/ })
      .click();
    const hash = `0x${'1'.repeat(64)}`;
    await until(
      'the cancellation',
      () => callsOf(opened, 'wallet.cancel').length,
      (calls) => calls > 0,
    );
    assert.deepEqual(callsOf(opened, 'wallet.speedUp'), [{ hash }]);
    assert.deepEqual(callsOf(opened, 'wallet.cancel'), [{ hash }]);
  }));

test('real money without a verified backup shows a warning; with one it does not', async () => {
  await withWallet({ real: true, sends: false }, ({ page }) =>
    page.getByText('Your backup isn’t verified yet').waitFor(),
  );
  await withWallet({ real: true, sends: false, wallet: { backedUp: true } }, ({ page }) =>
    page.getByText('Your backup is verified').waitFor(),
  );
});

test('a watch-only address offers nothing that needs its key', () =>
  withWallet({ sends: false, wallet: { kind: 'watch-only', backedUp: true } }, async ({ page }) => {
    await page.getByText('You can’t send from this wallet').waitFor();
    assert.equal(await page.getByLabel('Amount', { exact: true }).count(), 0);
    await page.getByText('Nothing to back up here').waitFor();
  }));

test('in a browser, secrets are left to the terminal in both languages', async () => {
  for (const language of ['en', 'de'] as const) {
    await withWallet({ language, sends: false }, async ({ page }) => {
      await page.getByText('npm run agent -- wallet drill').waitFor();
      assert.equal(
        await page.getByRole('button', { name: /Mit Wörtern sichern|Back up recovery phrase/ }).count(),
        0,
      );
    });
  }
});
