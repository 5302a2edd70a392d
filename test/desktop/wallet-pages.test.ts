// Goal: the Wallet page prepares a spend, shows every fact of it, leaves the yes to shell or terminal, and
//   tells what became of it without making anything nicer than it is.
// Method: the built pages in headless Chromium against the fake agent.
// Would break if: the page sent without showing the facts first; a declined or failed spend looked sent; a
//   wallet without its key offered to send; a page offered secrets in a browser.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import type { AgentState } from '../../shared/api/state.ts';
import { type Opened, type OpenOptions, type Pages, startPages } from './pages-browser.ts';

const TO = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

async function withWallet(
  options: OpenOptions & { wallet?: Partial<AgentState['wallet']>; real?: boolean },
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
    await body(opened);
    assert.deepEqual(opened.complaints, []);
  } finally {
    await opened.close();
  }
}

const callsOf = ({ agent }: Opened, name: string) =>
  agent.calls.filter((call) => call.name === name).map((call) => call.input);

test('by keyboard: the facts first, then the send, then the news that it is on its way', () =>
  withWallet({}, async (opened) => {
    const { page } = opened;
    await page.getByLabel('To', { exact: true }).fill(TO);
    await page.getByLabel('Amount', { exact: true }).fill('0.0015');
    await page.keyboard.press('Enter');
    await page.getByText('This will be sent').waitFor();
    for (const fact of [TO, '0.000063', 'Practice chain', 'never sent anything to this address']) {
      await page.getByText(fact).first().waitFor();
    }
    assert.deepEqual(callsOf(opened, 'wallet.prepareSend'), [
      { asset: 'token', to: TO, amount: '1500', smallTest: false },
    ]);
    assert.deepEqual(callsOf(opened, 'wallet.requestSend'), []);
    const { violations } = await new AxeBuilder({ page }).analyze();
    assert.deepEqual(
      violations.map(({ id }) => id),
      [],
    );
    // The button that goes on has the focus.
    assert.match((await page.evaluate(() => document.activeElement?.textContent)) ?? '', /^Send 0\.0015/);
    await page.keyboard.press('Enter');
    await page.getByText('are on their way').waitFor();
    assert.deepEqual(callsOf(opened, 'wallet.requestSend'), [{ id: 'spend-1' }]);
  }));

test('everything, of the coin, as a small test: asked for in these words', () =>
  withWallet({}, async (opened) => {
    const { page } = opened;
    await page.locator('.choice-option', { hasText: 'practice ETH' }).click();
    await page.getByLabel('To', { exact: true }).fill(`  ${TO} `);
    await page.getByRole('button', { name: 'Send all: practice ETH' }).click();
    await page.getByText('The network fee is taken from it.').waitFor();
    await page.getByText('Send a small test first').click();
    await page.getByRole('button', { name: 'Check and show the fee' }).click();
    await page.getByText('This small test will be sent').waitFor();
    assert.deepEqual(callsOf(opened, 'wallet.prepareSend'), [
      { asset: 'coin', to: TO, amount: 'all', smallTest: true },
    ]);
  }));

test('what cannot be sent is said before anybody is asked', () =>
  withWallet({}, async (opened) => {
    const { page } = opened;
    const check = page.getByRole('button', { name: 'Check and show the fee' });
    assert.equal(await check.isDisabled(), true);
    await page.getByLabel('To', { exact: true }).fill('0x3C44');
    await page.getByText('An address begins with 0x').waitFor();
    await page.getByLabel('To', { exact: true }).fill(TO);
    await page.getByLabel('Amount', { exact: true }).fill('99999');
    await page.getByText('More than the wallet holds.').waitFor();
    await page.getByLabel('Amount', { exact: true }).fill('0.0000001');
    await page.getByText('at most 6 digits').waitFor();
    assert.equal(await check.isDisabled(), true);
    assert.deepEqual(callsOf(opened, 'wallet.prepareSend'), []);
  }));

test('a wrong checksum comes back as a sentence, and what was typed stays', () =>
  withWallet({}, async ({ page, agent }) => {
    agent.failNext('wallet.prepareSend', 'bad-request', 'The checksum of the address is wrong.');
    await page.getByLabel('To', { exact: true }).fill(TO);
    await page.getByLabel('Amount', { exact: true }).fill('0.001');
    await page.keyboard.press('Enter');
    await page.getByText('The checksum of the address is wrong.').waitFor();
    assert.equal(await page.getByLabel('To', { exact: true }).inputValue(), TO);
  }));

test('a spend that was declined is called neither sent nor an error', () =>
  withWallet({}, async ({ page, agent }) => {
    await page.getByLabel('To', { exact: true }).fill(TO);
    await page.getByLabel('Amount', { exact: true }).fill('0.001');
    await page.keyboard.press('Enter');
    agent.failNext('wallet.requestSend', 'not-permitted', 'The spend was declined.');
    await page.getByRole('button', { name: 'Send 0.001 practice USDC' }).click();
    await page.getByText('It was not confirmed').waitFor();
    await page.getByText('Nothing was sent. You can send it again').waitFor();
    assert.equal(await page.getByText('are on their way').count(), 0);
    await page.getByRole('button', { name: 'Change something' }).click();
    assert.equal(await page.getByLabel('Amount', { exact: true }).inputValue(), '0.001');
  }));

test('history: each state by its word, and only what is under way can be sped up or cancelled', () =>
  withWallet({}, async (opened) => {
    const { page } = opened;
    const rows = page.locator('.sent-row');
    for (const [index, word] of ['Under way', 'Arrived', 'Failed', 'Replaced', 'Dropped'].entries()) {
      await rows.nth(index).getByText(word, { exact: true }).waitFor();
      const buttons = await rows
        .nth(index)
        .getByRole('button', { name: /^(Speed up|Cancel it)/ })
        .count();
      assert.equal(buttons, index === 0 ? 2 : 0, word);
    }
    await rows.nth(2).getByText('only the fee was spent').waitFor();
    await rows
      .nth(0)
      .getByRole('button', { name: /^Speed up/ })
      .click();
    await rows
      .nth(0)
      .getByRole('button', { name: /^Cancel it/ })
      .click();
    const hash = `0x${'1'.repeat(64)}`;
    assert.deepEqual(callsOf(opened, 'wallet.speedUp'), [{ hash }]);
    assert.deepEqual(callsOf(opened, 'wallet.cancel'), [{ hash }]);
  }));

test('real money without a proven backup is told; with one it is quiet', async () => {
  await withWallet({ real: true }, ({ page }) => page.getByText('no proven backup yet').waitFor());
  await withWallet({ real: true, wallet: { backedUp: true } }, ({ page }) =>
    page.getByText('The backup was proven').waitFor(),
  );
});

test('a watched address offers nothing that needs its key', () =>
  withWallet({ wallet: { kind: 'watch-only', backedUp: true } }, async ({ page }) => {
    await page.getByText('Nothing can be sent from here').waitFor();
    assert.equal(await page.getByLabel('Amount', { exact: true }).count(), 0);
    await page.getByText('There is nothing to back up here').waitFor();
  }));

test('in a browser secrets are left to the terminal, in both languages', async () => {
  for (const language of ['en', 'de'] as const) {
    await withWallet({ language }, async ({ page }) => {
      await page.getByText('npm run agent -- wallet drill').waitFor();
      assert.equal(
        await page.getByRole('button', { name: /Mit Wörtern sichern|Back up with words/ }).count(),
        0,
      );
    });
  }
});
