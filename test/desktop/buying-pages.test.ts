/**
 * Verifies: the pages set the limits for buying, take deposits back, and turn the gateway on and off.
 * Setup: the built pages in headless Chromium against a fake agent that implements the whole contract.
 * Fails if: a limit is saved in the wrong unit or can't be removed; a model's maximum price can't be added, changed
 *   and removed; a deposit has no button, or a started withdrawal offers another one; the switch of the gateway does
 *   nothing, or a closed port isn't explained; an example lacks the address or the model, or has the key; the reason of
 *   a choice or the result of a check is missing.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { AnswerCheck } from '../../shared/answer-check.ts';
import type { Job } from '../../shared/jobs.ts';
import { type Pages, startPages } from './pages-browser.ts';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

const CHANNEL = `0x${'c1'.repeat(32)}`;
const OTHER = `0x${'c2'.repeat(32)}`;

test('limits for buying are typed in whole tokens, saved in base units, and removed by an empty field', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    const changes = () =>
      agent.calls.filter((call) => call.name === 'settings.change').map((call) => call.input);
    async function enter(label: string, text: string) {
      const before = changes().length;
      const field = page.getByLabel(label, { exact: true });
      await field.fill(text);
      await field.press('Enter');
      // “Saved” of the change before is shown until this one begins.
      while (changes().length === before) await page.waitForTimeout(20);
      await page.getByText('Saved', { exact: true }).waitFor();
    }
    await enter('Budget per day', '1.5');
    await enter('Maximum output price', '0.08');
    await enter('Maximum output price', '');
    await enter('Limit for a new provider', '0.01');
    assert.deepEqual(changes(), [
      { buyDayMax: '1500000' },
      { buyPriceOutputMax: '80000' },
      { buyPriceOutputMax: null },
      { buyNewProviderMax: '10000' },
    ]);
  }));

test('a model gets its own maximum price and loses it again', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    await page.getByLabel('Model', { exact: true }).fill('some-model');
    await page.getByRole('button', { name: 'Add model' }).click();
    const model = page.getByRole('group', { name: 'some-model' });
    await model.getByLabel('Output tokens').fill('1');
    await model.getByLabel('Output tokens').press('Enter');
    await page.getByRole('button', { name: 'Remove some-model' }).click();
    await model.waitFor({ state: 'detached' });
    const own = { model: 'some-model', inputPerMillion: '20000' };
    assert.deepEqual(
      agent.calls.filter((call) => call.name === 'settings.change').map((call) => call.input),
      [
        { buyModelPrices: [{ ...own, outputPerMillion: '80000' }] },
        { buyModelPrices: [{ ...own, outputPerMillion: '1000000' }] },
        { buyModelPrices: [] },
      ],
    );
  }));

test('deposits are listed with the ways to take them back', () =>
  pages.withPage(
    {
      prepare: (agent) =>
        agent.setChannels([
          {
            channelId: CHANNEL,
            peer: '12D3KooWprovider',
            left: '9000',
            lastUsedMs: 0,
            withdrawalReadyAtMs: null,
          },
          { channelId: OTHER, peer: '12D3KooWsilent', left: '8000', lastUsedMs: 0, withdrawalReadyAtMs: 0 },
        ]),
    },
    async ({ page, agent, go }) => {
      await go('use');
      await page.getByRole('heading', { name: 'Deposits with providers' }).waitFor();
      await page.getByText('Withdrawal ready').waitFor();
      assert.equal(await page.getByRole('button', { name: 'Withdraw on-chain' }).count(), 1);
      await page.getByRole('button', { name: 'Withdraw on-chain' }).click();
      await page.getByRole('button', { name: 'Request refund' }).click();
      await page.getByRole('button', { name: 'Request refund' }).waitFor({ state: 'detached' });
      assert.deepEqual(
        agent.calls.filter(({ name }) => /^channels.(refund|withdraw)$/.test(name)),
        [
          { name: 'channels.withdraw', input: { channelId: CHANNEL } },
          { name: 'channels.refund', input: { channelId: CHANNEL } },
        ],
      );
    },
  ));

test('a machine without deposits explains them, without a list', () =>
  pages.withPage({ language: 'de' }, async ({ page, agent, go }) => {
    await go('use');
    await page.getByRole('heading', { level: 1 }).waitFor();
    while (!agent.calls.some(({ name }) => name === 'channels.list')) await page.waitForTimeout(20);
    await page.getByText('Keine Einlagen.').waitFor();
    assert.equal(await page.getByRole('button', { name: /zurück/ }).count(), 0);
  }));

test('prices, spending and its limit are shown, and the examples use the chosen model and no key', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('use');
    await page.getByText('1.478261 practice USDC').waitFor();
    await page.getByText('27% of your daily budget').waitFor();
    const prices = page.getByRole('table', { name: 'Prices now' });
    assert.match(
      (await prices.getByRole('row').nth(1).innerText()).replaceAll(/\s+/g, ' '),
      /^SmolLM2 135M Instruct .*2\.00\sct .*8\.00\sct .*58\.2 tokens\/s 3 /,
    );
    await page.getByLabel('Model', { exact: true }).selectOption('llama-3.2-1b-instruct-q4_k_m');
    for (const name of ['curl', 'Python', 'JavaScript', 'Continue', 'Open WebUI']) {
      await page.getByRole('radio', { name }).check({ force: true });
      const text = await page.locator('.codebox').innerText();
      assert.ok(text.includes(agent.script.state.network.gateway?.baseUrl ?? '?'), name);
      // Open WebUI lists all models.
      if (name === 'Open WebUI') continue;
      assert.ok(text.includes('llama-3.2-1b-instruct-q4_k_m'), name);
      assert.ok(!text.includes(agent.script.state.network.gateway?.key ?? '?'), name);
    }
  }));

test('the gateway is turned off and on, and a port that isn’t open is explained', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    const { network } = agent.script.state;
    const show = (port: 'closed' | 'in-use') =>
      agent.change({ network: { ...network, gateway: network.gateway && { ...network.gateway, port } } });
    await go('use');
    const gateway = page.getByRole('switch', { name: 'Gateway' });
    assert.equal(await gateway.isChecked(), true);
    await gateway.focus();
    await page.keyboard.press('Space');
    await page.getByText('Off', { exact: true }).waitFor();
    show('closed');
    await page.getByText('Its port is closed, so programs can’t connect.').waitFor();
    await page.keyboard.press('Space');
    await page.getByText('On', { exact: true }).waitFor();
    show('in-use');
    await page.getByRole('alert').getByText('Another program uses port 41111.').waitFor();
    assert.deepEqual(
      agent.calls.filter(({ name }) => name === 'settings.change').map(({ input }) => input),
      [{ gatewayOn: false }, { gatewayOn: true }],
    );
  }));

test('a bought job tells why its provider was chosen, and with which amounts it was compared', async () => {
  await pages.withPage({}, async ({ page, go }) => {
    await go('jobs/job-0011');
    const reason = page.getByRole('button', { name: 'the most reliable at about this price, of 7' });
    await reason.focus();
    await page.getByRole('tooltip').getByText('4.7% for the risk of a failure').waitFor();
  });
});

test('a checked answer tells how many of its tokens were confirmed, to its buyer and to its provider', async () => {
  await pages.withPage({}, async ({ page, go }) => {
    await go('jobs/job-0011');
    const confirmed = page.getByRole('button', { name: /^\d+ of \d+ tokens confirmed$/ });
    await confirmed.focus();
    await page.getByRole('tooltip').getByText('0.003 logits short').waitFor();
    const failed = page.locator('li.is-failed');
    assert.equal(await failed.count(), 0);
    await go('jobs/job-0003');
    await page.getByRole('button', { name: /^a buyer’s check confirmed only \d+ of \d+ tokens$/ }).focus();
    await page.getByRole('tooltip').getByText('This buyer won’t buy from you for a day').waitFor();
    await failed.filter({ hasText: 'a buyer’s check confirmed only' }).waitFor();
  });
});

test('an answer that was compared with other providers’ says so, without logits, on both sides', async () => {
  await pages.withPage({}, async ({ agent, page, go }) => {
    const found = { atMs: agent.now(), tokens: 3, gapMean: null, logStanding: 3 };
    Object.assign(agent.script, {
      checkOf: ({ side }: Job): AnswerCheck => {
        const isAlarm = side === 'sold';
        return { ...found, differing: isAlarm ? 1 : 0, isAlarm };
      },
    });
    const shows = async (job: string, text: string, about: string) => {
      await go(`jobs/${job}`);
      await page.getByRole('button', { name: text }).focus();
      await page.getByRole('tooltip').getByText(about).waitFor();
    };
    await shows('job-0011', '3 of 3 compared tokens match other providers’', 'amount to 33% of the evidence');
    await shows('job-0003', 'a buyer reports that two other providers', 'agreed on another token');
    await page.locator('li.is-failed').filter({ hasText: 'a buyer reports' }).waitFor();
  });
});

test('the owner chooses who is asked for the same answer, and reads what that means before', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    const choices = page.getByRole('radiogroup', { name: 'Compare answers with' });
    assert.equal(await choices.getByRole('radio', { name: 'Known providers' }).isChecked(), true);
    await page.getByText('Some requests are sent again to one or two providers').waitFor();
    for (const [label, value, meaning] of [
      ['Nobody', 'nobody', 'Answers aren’t compared.'],
      ['New ones too', 'anybody', 'up to three new providers a day see a prompt'],
    ] as const) {
      await choices.getByText(label, { exact: true }).click();
      await page.getByText(meaning).waitFor();
      assert.deepEqual(agent.calls.at(-1), { name: 'settings.change', input: { opinionsFrom: value } });
    }
  }));
