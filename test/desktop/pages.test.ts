/**
 * Verifies: each page shows the agent's data, controls the agent by mouse and keyboard, and shows unknown values
 *   as unknown.
 * Setup: the built pages in headless Chromium against a fake agent that implements the whole contract.
 * Fails if: a section isn't wired, an unknown value appears as zero, a string is missing, inline code or style
 *   violates the content security policy, or Pause can't be reached by keyboard.
 * Long: it goes through every page.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Period } from '../../shared/period.ts';
import { API_SOCKET_PATH, IPC, socketProtocols, TOKEN_FRAGMENT } from '../../shared/wire.ts';
import { axeFindings } from './axe.ts';
import { EVERY_PAGE, type Opened, type OpenOptions, type Pages, startPages } from './pages-browser.ts';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

const withPage = (options: OpenOptions, body: (opened: Opened) => Promise<void>) =>
  pages.withPage(options, body);

/** Texts that each page shows of the busy fake agent. */
const EXPECTED: Record<(typeof EVERY_PAGE)[number], string[]> = {
  '': [
    'Earning',
    'SmolLM2 135M Instruct is running 2 jobs',
    '47.6',
    '0.13 ct',
    '0.001283 practice USDC',
    '0.004227 practice USDC',
    'On track for',
    'likely 0.16 ct to 0.19 ct',
    '14 ms',
    '61 °C',
  ],
  jobs: [
    'SmolLM2 135M Instruct',
    '214 in · 118 out',
    'Paid out',
    'pending',
    '34.2 tokens/s',
    '2 not completed',
  ],
  'jobs/job-0006': [
    'Claimed',
    'What happened',
    'on NVIDIA RTX 4070',
    '0.52 Wh, about 0.016 ¢',
    '33.4 tokens/s',
    '368 ms',
    'Pending payout',
    'Signed with',
  ],
  earnings: [
    '0.021273 practice USDC',
    'Electricity',
    '0.996 kWh',
    'Llama 3.2 1B Instruct',
    '0.004218',
    'By source',
    '612.3 kudos',
    'By device',
    'NVIDIA GeForce RTX 4070',
    'Several devices in the same quarter of an hour',
    'The latest 20 entries',
  ],
  wallet: [
    '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
    '0.018927',
    'Never send real money',
    'Paid out to the payout address',
    'Network fee of the settlement',
  ],
  use: [
    'http://127.0.0.1:41111/v1',
    'chat/completions',
    'First token',
    '412 ms',
    '••••',
    'Prices now',
    '1,904 answers',
    'By provider',
  ],
  models: [
    '312 MB of 808 MB',
    '59 s left',
    'Tight',
    'Best for embeddings here',
    'Show 2 larger models',
    'Apache-2.0',
    '2.5 GB of 20.0 GB',
    '11.4 tokens/s',
    '±12%',
    'predicted 57.3, measured 61 (6.1% off)',
    '0.13 ct to 0.69 ct',
    'Based on measurements from',
  ],
  sources: ['Paid in the last 30 days', '412 jobs', '612.3 kudos', 'Chat with tools', 'Run a storefront'],
  machine: [
    'NVIDIA GeForce RTX 4070',
    'unknown',
    'slows at 84 °C',
    '11 things Idlewatt can’t see',
    '4 of 5 active',
    '3 runs',
  ],
  schedule: ['Next 24 hours', 'outside your schedule', 'US dollars per kWh', 'every hour is allowed'],
  network: ['Reachable on this computer only', '…iXyVwCpM', 'rpc.example', 'Balances and payments', '3.0 MB'],
  settings: [
    'Only while I’m away',
    'min without input',
    'per million tokens',
    'no telemetry',
    'No rate is queried.',
    'Last: 23 Nov 2026',
  ],
};

test('each page shows the data of its sections', () =>
  withPage({}, async ({ page, go }) => {
    for (const path of EVERY_PAGE) {
      await go(path);
      for (const text of EXPECTED[path]) {
        await page.getByText(text, { exact: false }).first().waitFor({ timeout: 5_000 });
      }
    }
  }));

test('the token leaves the address bar and survives a reload', () =>
  withPage({}, async ({ page, agent }) => {
    assert.ok(!page.url().includes(agent.token));
    await page.reload();
    await page.getByText('47.6', { exact: true }).waitFor();
    assert.ok(!page.url().includes(agent.token));
  }));

test('the first Tab press focuses the skip link, which moves the focus past the navigation', () =>
  withPage({ language: 'de' }, async ({ page }) => {
    await page.locator('html[lang=de]').waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Zum Inhalt');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'MAIN');
  }));

test('pause and resume by keyboard alone', () =>
  withPage({}, async ({ page, agent }) => {
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press('Tab');
      const focused = await page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
      if (focused === 'Pause duration') break;
    }
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Until I resume' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const resume = page.locator('.panel').getByRole('button', { name: 'Resume' });
    await resume.waitFor();
    assert.deepEqual(
      agent.calls.filter((call) => call.name === 'presence.pause').map((call) => call.input),
      [{ until: '1-hour' }],
    );
    await page.locator('.panel-why', { hasText: 'You paused Idlewatt until' }).waitFor();
    await resume.focus();
    await page.keyboard.press('Enter');
    await page.locator('.panel').getByRole('button', { name: 'Pause', exact: true }).waitFor();
    assert.ok(agent.calls.some((call) => call.name === 'presence.resume'));
  }));

test('a change in the agent appears on the page', () =>
  withPage({}, async ({ page, agent }) => {
    const { money } = agent.script.state;
    agent.change({ money: { ...money, earnedToday: '7654321' } });
    await page.getByText('7.654321 practice USDC').waitFor();
    await page.locator('.today .hero-num', { hasText: '7.65 USDC' }).waitFor();
  }));

test('a lost connection is announced, old data stays visible, and the page reconnects automatically', () =>
  withPage({}, async ({ page, agent, consoleErrors }) => {
    // Before its first state, the page shows that it is connecting.
    await page.locator('.panel').waitFor();
    agent.cut();
    await page.locator('.panel').getByRole('heading', { name: 'Not responding' }).waitFor();
    await page.getByText('Reconnecting automatically').first().waitFor();
    assert.equal(await page.locator('main.is-stale').count(), 1);
    await page.getByText('0.001283').first().waitFor();
    for (const pause of await page.getByRole('button', { name: 'Pause', exact: true }).all()) {
      assert.ok(await pause.isDisabled(), 'a page without an agent can’t pause it');
    }
    agent.restore();
    agent.change({ money: { ...agent.script.state.money, earnedToday: '4242' } });
    await page.getByText('0.004242').first().waitFor({ timeout: 15_000 });
    await page.locator('.panel').getByRole('heading', { name: 'Earning' }).waitFor();
    // Chromium itself reports each refused WebSocket. Nothing else is allowed.
    assert.deepEqual(
      consoleErrors.filter((line) => !line.includes('WebSocket')),
      [],
    );
    consoleErrors.length = 0;
  }));

test('a wrong or missing token is explained', async () => {
  const origin = (port: number) => `http://127.0.0.1:${port}/`;
  await withPage(
    { url: (agent) => `${origin(agent.port)}${TOKEN_FRAGMENT}${'0bad'.repeat(8)}` },
    async ({ page }) => {
      await page.getByText('This page’s access key is out of date').waitFor();
    },
  );
  await withPage({ url: (agent) => origin(agent.port) }, async ({ page }) => {
    await page.getByText('This page needs an access key').waitFor();
  });
});

test('unknown values appear as unknown, never as zero', () =>
  withPage({ scenario: 'unknown' }, async ({ page, go }) => {
    await go('wallet');
    assert.equal(await page.locator('.hero-num').innerText(), 'unknown');
    await page.getByText('No response yet from').waitFor();
    await go('machine');
    for (const name of ['CPU load', 'Temperature', 'Power draw']) {
      const lane = page.locator('.lane', { has: page.getByText(name, { exact: true }) });
      assert.equal(await lane.locator('.lane-value').innerText(), 'unknown', name);
    }
    await page.getByText('CPU · unknown').waitFor();
    await page.getByText('17 things Idlewatt can’t see').click();
    await page.getByText('Neither CPU nor GPU reports its power draw.').waitFor();
    await go('earnings');
    for (const figure of await page.locator('.figs .mid-num').allInnerTexts()) {
      assert.ok(['unknown', '0'].includes(figure), figure);
    }
    await go('');
    for (const name of ['Power', 'CPU temperature', 'Memory in use']) {
      const value = page.locator('.facts > div', { hasText: name }).locator('dd').first();
      assert.equal((await value.innerText()).trim(), 'unknown', name);
    }
    await page.getByText('can’t tell whether you’re using this machine').waitFor();
    await page.getByRole('button', { name: 'Start now' }).waitFor();
    await page.getByText('The blockchain isn’t responding.').waitFor();
    await go('use');
    await page.getByText('The gateway isn’t running').waitFor();
  }));

test('an empty page names what will appear and what makes it appear', () =>
  withPage({ scenario: 'empty' }, async ({ page, go }) => {
    const hints: [string, string][] = [
      ['', 'Speed not measured yet'],
      ['jobs', 'No jobs yet'],
      ['earnings', 'No earnings in this period'],
      ['earnings', 'No entries yet'],
      ['wallet', 'No claims or payouts yet'],
      ['machine', 'Not measured yet'],
      ['use', 'No offers right now'],
      ['network', 'No host outside this computer'],
    ];
    for (const [path, hint] of hints) {
      await go(path);
      await page.getByText(hint).first().waitFor();
    }
    await go('models');
    await page.getByText('No source could be reached').waitFor();
    await page.getByText('A tiny placeholder model is answering for now.').waitFor();
  }));

test('a payout names its result in advance and shows its transactions afterwards', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('earnings');
    await page.getByRole('button', { name: 'Pay out now' }).click();
    const dialog = page.getByRole('alertdialog');
    await dialog.getByText('sends it to your address 0xf39F…2266').waitFor();
    await dialog.getByText('Network fee: about 0.000104 practice ETH.').waitFor();
    await dialog.getByText('Your limit for each transaction is 0.001 practice ETH').waitFor();
    assert.equal(agent.calls.filter((call) => call.name === 'earnings.settle').length, 0);
    await dialog.getByRole('button', { name: 'Pay out 0.005427 practice USDC' }).click();
    await page.getByText('arrived at your address.').waitFor();
    await page
      .getByText(`0x${'cd'.repeat(32)}`)
      .first()
      .waitFor();
    assert.equal(agent.calls.filter((call) => call.name === 'earnings.settle').length, 1);
  }));

test('an error explains what happened, what it means for the money, and what to do', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('earnings');
    agent.failNext('earnings.settle', 'chain-unavailable', 'The practice chain refused the connection.');
    await page.getByRole('button', { name: 'Pay out now' }).click();
    await page
      .getByRole('alertdialog')
      .getByRole('button', { name: /^Pay out / })
      .click();
    const alert = page.getByRole('alert');
    await alert.getByText('The blockchain isn’t responding.').waitFor();
    await alert.getByText('Your earnings are recorded here. Nothing was paid out.').waitFor();
    await alert.getByText('The practice chain refused the connection.').waitFor();
    await go('jobs/job-9999');
    await page.getByRole('alert').getByText('This item doesn’t exist, or no longer does.').waitFor();
  }));

test('models: a predicted speed is labeled as predicted, not as measured, and a button measures again', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('models');
    const predicted = page.getByRole('listitem').filter({ hasText: '11.4 tokens/s' }).last();
    assert.match(await predicted.innerText(), /predicted/);
    assert.doesNotMatch(await predicted.innerText(), /measured/i);
    await page.getByRole('button', { name: 'Predict again' }).click();
    await page.getByText('30%').waitFor();
    assert.ok(agent.calls.some(({ name }) => name === 'benchmark.calibrate'));
    assert.ok(await page.getByRole('button', { name: 'Measuring…' }).isDisabled());
  }));

test('models: a choice of use lists those models only, and larger ones appear on request', () =>
  withPage({}, async ({ page, go }) => {
    await go('models');
    const catalogue = page.getByRole('region', { name: 'For this machine' });
    const names = () => catalogue.locator('li b').allInnerTexts();
    await catalogue.getByRole('radio', { name: 'Code' }).check({ force: true });
    await catalogue.getByText('No other model for this use fits this machine.').waitFor();
    await catalogue.getByRole('button', { name: 'Show 1 larger model' }).click();
    assert.deepEqual(await names(), ['Qwen3 Coder 30B-A3B Instruct']);
    await catalogue.getByText('3.3B active per token').waitFor();
    await catalogue.getByText('Partly on the CPU').waitFor();
    await catalogue.getByRole('button', { name: 'Hide larger models' }).click();
    await catalogue.getByRole('radio', { name: 'Embeddings' }).check({ force: true });
    assert.deepEqual(await names(), ['Qwen3 Embedding 0.6B']);
    await catalogue.getByRole('radio', { name: 'All' }).check({ force: true });
    assert.ok(!(await names()).includes('Llama 3.1 8B Instruct'));
    await catalogue.getByRole('button', { name: 'Show 2 larger models' }).click();
    assert.ok((await names()).includes('Llama 3.1 8B Instruct'));
    await catalogue.getByText('Doesn’t fit').waitFor();
    await catalogue.getByRole('button', { name: 'Hide larger models' }).click();
    assert.ok(!(await names()).includes('Llama 3.1 8B Instruct'));
  }));

test('models: download, cancel, serve, and remove after confirmation', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('models');
    await page.getByRole('button', { name: 'Cancel the download of Llama 3.2 1B Instruct' }).click();
    await page.getByRole('button', { name: 'Download Llama 3.2 1B Instruct (808 MB)' }).click();
    await page.getByText('speed unknown · time left unknown').waitFor();
    await page.getByRole('button', { name: 'Use Qwen2.5 3B Instruct as the main model' }).click();
    await page.getByRole('button', { name: 'Use SmolLM2 135M Instruct as the main model' }).waitFor();
    await page.getByRole('button', { name: 'Remove SmolLM2 135M Instruct' }).click();
    await page.getByRole('button', { name: 'Remove and free 94.0 MB' }).click();
    await page.getByRole('button', { name: 'Download SmolLM2 135M Instruct (94.0 MB)' }).waitFor();
    assert.deepEqual(
      agent.calls
        .map((call) => call.name)
        .filter((name) => name.startsWith('models.') && name !== 'models.incomes'),
      ['models.cancel', 'models.download', 'models.activate', 'models.remove'],
    );
  }));

test('models: another model is served too by a switch, and home and models show what is in memory', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('models');
    await page.getByText('In memory now: SmolLM2 135M Instruct (2 jobs)').waitFor();
    const row = page.getByRole('listitem').filter({ hasText: 'Qwen2.5 3B Instruct' }).first();
    await row.getByText('Also serve').click();
    await row.getByText('also served, loaded when a job needs it').waitFor();
    assert.ok(await page.getByRole('switch', { name: 'Also serve Qwen2.5 3B Instruct' }).isChecked());
    const { work } = agent.script.state;
    const id =
      agent.script.state.models.models.find(({ name }) => name === 'Qwen2.5 3B Instruct')?.id ??
      assert.fail();
    agent.change({ work: { ...work, loaded: [...work.loaded, { model: id, state: 'loading', jobs: 1 }] } });
    await page.getByText('Qwen2.5 3B Instruct (loading)').waitFor();
    await go('home');
    await page.getByText('Qwen2.5 3B Instruct (loading)').waitFor();
    const calls = agent.calls.filter(({ name }) => name === 'models.serveFurther');
    assert.deepEqual(
      calls.map(({ input }) => input),
      [{ id, isOn: true }],
    );
  }));

test('models: own files are found in a folder that is named, and those that are none say why', () =>
  withPage({}, async ({ page, go }) => {
    await go('models');
    await page.getByRole('button', { name: 'Add own file' }).click();
    await page.getByText('/home/ada/.idlewatt/models/own').waitFor();
    await page.getByText('This file has a vocabulary but no weights.').waitFor();
  }));

test('models: a link shows what it leads to, and only then downloads exactly that', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('models');
    await page.getByRole('button', { name: 'Add by link' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add a model by link' });
    const link = dialog.getByRole('textbox', { name: 'Link to the model' });
    await link.fill('ada/gated');
    await link.press('Enter');
    await dialog.getByText('The publisher wants you to sign in').waitFor();
    await link.fill('ada/alpha-GGUF');
    await link.press('Enter');
    await dialog.getByText('Only for images (mmproj)').waitFor();
    assert.equal(await dialog.getByRole('button', { name: 'Download and add' }).count(), 0);
    await dialog.getByRole('button', { name: 'Choose alpha-Q4_K_M.gguf' }).click();
    await dialog.getByRole('heading', { name: 'Alpha 4B' }).waitFor();
    assert.deepEqual(await axeFindings(page), []);
    const shown = await dialog.innerText();
    for (const fact of ['2.4 GB', 'apache-2.0', 'ada/alpha-GGUF (0c0c0c0c0c0c)', '7a7a7a7a', 'Tight'])
      assert.ok(shown.includes(fact), `${fact} in ${shown}`);
    await dialog.getByRole('button', { name: 'Download and add' }).click();
    await dialog.waitFor({ state: 'detached' });
    const added = agent.calls.filter(({ name }) => name === 'models.addByLink').map(({ input }) => input);
    assert.deepEqual(added, [
      {
        link: `https://huggingface.co/ada/alpha-GGUF/blob/${'0c'.repeat(20)}/alpha-Q4_K_M.gguf`,
        sha256: '7a'.repeat(32),
      },
    ]);
  }));

test('the chosen export is streamed and saved under a name with its format', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('earnings');
    for (const format of ['Koinly', 'Beancount']) {
      await page.getByRole('button', { name: 'Export' }).click();
      const saving = page.waitForEvent('download');
      await page.getByRole('menuitem', { name: new RegExp(format) }).click();
      const download = await saving;
      assert.match(
        download.suggestedFilename(),
        new RegExp(`^idlewatt-${format.toLowerCase()}-\\d{4}-\\d\\d-\\d\\d\\.`),
      );
      const saved = await readFile(await download.path(), 'utf8');
      assert.equal(saved, 'time,day\r\n2026-11-23T12:00:00.000Z,2026-11-23\r\n');
    }
    assert.deepEqual(
      agent.calls.filter(({ name }) => name === 'earnings.export').map(({ input }) => input),
      ['koinly', 'beancount'].map((format) => ({ format, from: null, to: null })),
    );
  }));

test('on a phone the time, the model and the amount of a job stay, and its state', () =>
  withPage({ width: 390 }, async ({ page, go }) => {
    await go('jobs');
    const row = page.getByRole('table').locator('tbody tr').nth(2);
    const text = (await row.innerText()).replaceAll(/\s+/g, ' ');
    assert.match(text, /SmolLM2 135M Instruct/);
    assert.match(text, /0\.0019\sct/);
    assert.match(text, /\d\d:\d\d · 98 in · 202 out/);
    assert.match(text, /Charged/);
  }));

test('a job shows its speed over its time, unless that is no longer in memory', () =>
  withPage({}, async ({ page, agent, go }) => {
    const chart = page.getByRole('img', {
      name: /^Tokens per second from the first token to the last: 28\.4 to/,
    });
    await go('jobs/job-0006');
    await chart.waitFor();
    assert.equal(await chart.locator('i').count(), 32);
    Object.assign(agent.script, { speedOf: () => null });
    await go('jobs/job-0005');
    await page.locator('.kv-row').first().waitFor();
    assert.equal(await page.getByRole('heading', { name: 'Speed' }).count(), 0);
  }));

test('the energy of a job says what it rests on; one that was bought has none, and unknown says what helps', () =>
  withPage({}, async ({ page, agent, go }) => {
    const row = page.locator('.kv-row', { hasText: 'Energy' });
    await go('jobs/job-0006');
    await row.getByRole('button').focus();
    await page.getByRole('tooltip', { name: 'Estimated: this machine’s average extra power' }).waitFor();
    Object.assign(agent.script, {
      energyOf: () => ({ wattHours: 12.345, microUsd: null, watts: 90, source: 'setting' }),
    });
    await go('jobs/job-0005');
    assert.equal(await row.locator('dd').innerText(), '12.3 Wh');
    Object.assign(agent.script, { energyOf: () => null });
    await go('jobs/job-0004');
    await row.getByRole('button', { name: 'unknown' }).focus();
    await page.getByRole('tooltip', { name: 'You can enter it on the Schedule page' }).waitFor();
    const bought = agent.script.jobs.find(({ side }) => side === 'bought');
    await go(`jobs/${String(bought?.id)}`);
    await page.locator('.kv-row').first().waitFor();
    assert.equal(await row.count(), 0);
  }));

test('electricity that rests on the owner’s figure is marked as estimated', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('earnings');
    await page.getByText('0.996 kWh').waitFor();
    await page.getByText('Today 41.5 Wh').waitFor();
    assert.equal(await page.getByText('0.996 kWh, estimated').count(), 0);
    const { overview } = agent.script;
    Object.assign(agent.script, {
      overview: (period: Period) => ({
        ...overview(period),
        totals: { ...overview(period).totals, isEstimated: true },
      }),
    });
    await go('');
    await go('earnings');
    await page.getByText('0.996 kWh, estimated').waitFor();
  }));

test('bought jobs are listed apart, with the owner’s own machine named as such', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('jobs');
    await page.getByRole('radio', { name: 'Bought' }).check({ force: true });
    await page.getByRole('columnheader', { name: 'Provider' }).waitFor();
    await page.getByRole('columnheader', { name: 'Paid', exact: true }).waitFor();
    assert.ok(agent.calls.some((call) => JSON.stringify(call.input).includes('"side":"bought"')));
    assert.equal(await page.getByText('Running now').count(), 0);
  }));

test('the benchmark button starts a run with visible progress', () =>
  withPage({}, async ({ page, go }) => {
    await go('machine');
    const devices = page.locator('section', { has: page.getByRole('heading', { name: 'Devices' }) });
    // Measured on the CPU; the GPU has no measurement of its own.
    assert.match(await devices.innerText(), /SmolLM2 135M Instruct, one job/);
    assert.deepEqual((await devices.innerText()).match(/[\d.]+ tokens\/s/g), ['47.6 tokens/s']);
    await page.getByRole('button', { name: 'Measure again' }).click();
    await page.getByText('60% · decode').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Measuring…' }).isDisabled());
  }));

test('settings are saved immediately and exactly, and a new language applies to the page', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    const price = page.getByLabel('Output tokens');
    await price.fill('0.0800001');
    await page.getByText('up to 6 decimal places').waitFor();
    await price.fill('0.080001');
    await price.press('Enter');
    await page.getByText('Saved', { exact: true }).waitFor();
    await page.getByText('Run on battery too').click();
    await page.getByLabel('Language', { exact: true }).selectOption('de');
    await page.getByRole('heading', { name: 'Einstellungen' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'de');
    assert.equal(await page.getByLabel('Ausgabe-Token').inputValue(), '0,080001');
    assert.deepEqual(
      agent.calls.filter((call) => call.name === 'settings.change').map((call) => call.input),
      [{ priceOutputPerMillion: '80001' }, { runOnBattery: true }, { language: 'de' }],
    );
  }));

test('settings outside of their limits are refused with the accepted range, and nothing is saved', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    for (const [label, typed, range] of [
      ['Output tokens', '0', 'from 0.000001 to 10000'],
      ['Output tokens', '999999', 'from 0.000001 to 10000'],
      ['Payout threshold', '0', 'from 0.000001 to 1000000'],
      ['Network fee limit', '0', 'from 0.000000000000000001 to 1'],
      ['Price of 1 ETH', '0', 'from 0.000001 to 1000000'],
    ] as const) {
      const field = page.getByLabel(label);
      const before = await field.inputValue();
      await field.fill(typed);
      await field.press('Enter');
      await page.getByText(`Enter a number ${range}. Nothing was changed.`).waitFor();
      await field.fill(before);
    }
    await page.getByText('At least 1 GB.').waitFor();
    assert.deepEqual(
      agent.calls.filter((call) => call.name === 'settings.change'),
      [],
    );
  }));

test('settings that are changed while another one is being saved are saved after it', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    const { promise, resolve } = Promise.withResolvers<void>();
    agent.setSaving(promise);
    await page.getByLabel('Price of 1 ETH').fill('3000');
    await page.getByLabel('Price of 1 ETH').press('Enter');
    await page.getByText('Saving…', { exact: true }).waitFor();
    await page.getByLabel('Network fee limit').fill('0.002');
    await page.getByLabel('Network fee limit').press('Enter');
    resolve();
    await page.getByText('Saved', { exact: true }).waitFor();
    assert.deepEqual(
      agent.calls.filter((call) => call.name === 'settings.change').map((call) => call.input),
      [{ coinPriceMicroUsd: 3_000_000_000 }, { networkFeeMax: '2000000000000000' }],
    );
  }));

test('the agent filters the jobs, and each job opens its own page', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('jobs');
    await page.getByText('Not completed', { exact: true }).click();
    await page.getByText('Stopped early').waitFor();
    await page.getByText('Paid out').first().waitFor({ state: 'detached' });
    assert.ok(agent.calls.some((call) => JSON.stringify(call.input).includes('"outcome":"failed"')));
    await page.locator('tbody a').last().click();
    await page.getByText('Nothing was charged').first().waitFor();
    await page.getByRole('main').getByRole('link', { name: 'Jobs' }).click();
    await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
  }));

test('jobs are searched by the agent, filtered by model, and shown again by one press', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('jobs');
    const rows = page.locator('tbody tr');
    await rows.nth(20).waitFor();
    const search = page.getByRole('searchbox', { name: 'Search model, peer or job ID' });
    await search.fill('job-0006');
    await rows.nth(1).waitFor({ state: 'detached' });
    assert.equal(await rows.count(), 1);
    assert.ok(await search.evaluate((element) => element === document.activeElement), 'typing goes on');
    await page.getByRole('combobox', { name: 'Model' }).selectOption({ label: 'Llama 3.2 1B Instruct' });
    await page.getByText('No jobs match this filter').waitFor();
    await page.getByText('the latest 20,000 jobs').waitFor();
    await page.getByRole('button', { name: 'Show all jobs' }).click();
    await rows.nth(20).waitFor();
    assert.equal(await search.inputValue(), '');
    const inputs = agent.calls
      .filter(({ name }) => name === 'jobs.list')
      .map(({ input }) => JSON.stringify(input));
    assert.ok(inputs.some((input) => /"model":.*"search":"job-0006"/.test(input)));
  }));

test('Ctrl+K searches pages, settings and jobs, by keyboard alone', () =>
  withPage({}, async ({ page, go }) => {
    await go('jobs');
    const search = async (query: string, hit: string) => {
      await page.keyboard.press('Control+K');
      await page.getByRole('dialog', { name: 'Search' }).waitFor();
      await page.keyboard.type(query);
      await page.getByRole('menuitem', { name: hit }).first().waitFor();
    };
    await search('wal', 'Wallet');
    assert.deepEqual(await axeFindings(page), []);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Wallet', exact: true }).waitFor();
    await search('payout thr', 'Payout threshold');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByLabel('Payout threshold').waitFor();
    await page.waitForFunction(() => document.activeElement instanceof HTMLInputElement);
    assert.equal(
      await page.getByLabel('Payout threshold').evaluate((it) => it === document.activeElement),
      true,
    );
    await search('job-0006', 'SmolLM2 135M Instruct');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByText('What happened').waitFor();
    await page.keyboard.press('Control+K');
    await page.keyboard.type('zzzz');
    await page.getByText('Nothing found').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }));

test('the tooltip with time and source of a number is reachable by keyboard', () =>
  withPage({}, async ({ page, go }) => {
    await go('wallet');
    await page.locator('.wallet-hero .fact').first().focus();
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Tab');
    await page.getByRole('tooltip').getByText('Practice chain, updated').waitFor();
  }));

test('a tap opens the tooltip of a number, and the next tap elsewhere closes it', () =>
  withPage({ width: 390, hasTouch: true }, async ({ page, go }) => {
    await go('wallet');
    await page.locator('.wallet-hero .fact').first().tap();
    const tooltip = page.getByRole('tooltip');
    await tooltip.getByText('Practice chain, updated').waitFor();
    await page.locator('.wallet-address h2, .wallet-address .label').first().tap();
    await tooltip.waitFor({ state: 'detached' });
  }));

test('in the desktop the pages use a message port, and request a new one when it closes', () =>
  withPage(
    {
      url: (agent) => `http://127.0.0.1:${agent.port}/`,
      // Replaces the preload script: provides a port whose other end is connected to the agent.
      before: async (page, agent) => {
        await page.addInitScript(
          ({ path, protocols, portMessage, port }) => {
            let held: MessagePort | undefined;
            window.addEventListener('message', (event) => {
              held = event.ports[0];
            });
            Object.assign(window, {
              // Electron fires this event on ports; plain Chromium doesn't.
              closePort: () => held?.dispatchEvent(new Event('close')),
              idlewatt: {
                platform: 'linux',
                onStartup: () => undefined,
                connect() {
                  const { port1, port2 } = new MessageChannel();
                  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols);
                  const waiting: string[] = [];
                  port1.onmessage = ({ data }) =>
                    socket.readyState === 1 ? socket.send(data) : waiting.push(data);
                  socket.onopen = () => {
                    for (const data of waiting) socket.send(data);
                  };
                  socket.onmessage = ({ data }) => port1.postMessage(data);
                  window.postMessage(portMessage, '*', [port2]);
                },
              },
            });
          },
          {
            path: API_SOCKET_PATH,
            protocols: socketProtocols(agent.token),
            portMessage: IPC.port,
            port: agent.port,
          },
        );
      },
    },
    async ({ page, agent }) => {
      await page.getByText('47.6', { exact: true }).first().waitFor();
      await page.evaluate(() => (window as unknown as { closePort(): void }).closePort());
      agent.change({ money: { ...agent.script.state.money, earnedToday: '31337' } });
      await page.getByText('0.031337').waitFor({ timeout: 15_000 });
    },
  ));
