/**
 * Goal: each page shows what the agent says, steers it by mouse and keyboard, and never says more than it knows.
 * Method: the built pages in headless Chromium against a fake agent that implements the whole contract.
 * Would break: a section that is not wired, a zero for something unknown, a missing string, inline code or
 * style that the content security policy refuses, a pause that cannot be reached by keyboard.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { API_SOCKET_PATH, IPC, socketProtocols, TOKEN_FRAGMENT } from '../../shared/wire.ts';
import { EVERY_PAGE, type Opened, type OpenOptions, type Pages, startPages } from './pages-browser.ts';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

const withPage = (options: OpenOptions, body: (opened: Opened) => Promise<void>) =>
  pages.withPage(options, body);

test('each page shows the data of its sections', () =>
  withPage({}, async ({ page, go }) => {
    const expected: Record<(typeof EVERY_PAGE)[number], string[]> = {
      '': [
        'Earning practice money',
        '47.6 tokens',
        '0.001283',
        'practice USDC',
        '0.004227',
        'BfXyVwCpM',
        'practice network',
      ],
      jobs: ['SmolLM2 135M Instruct', 'Running', 'Paid out', 'not yet', '34.2 tokens/s'],
      'jobs/job-0006': ['Claimed', 'Time line', 'Receipt', '33.4 tokens/s', '368 ms'],
      earnings: ['0.024354', 'By day', 'Llama 3.2 1B Instruct', '0.004218', 'Answer delivered'],
      wallet: [
        '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
        '0.018927',
        'Never send real money',
        'Paid out to the payout address',
      ],
      use: ['http://127.0.0.1:41111/v1', 'chat/completions', 'new OpenAI', '••••'],
      models: [
        '312 MB of 808 MB',
        '59 secs left',
        'Does not fit',
        'Tight',
        'Apache-2.0',
        '2.5 GB of 20.0 GB',
        '11.4 tokens/s',
        '± 12 %',
        'predicted 57.3, measured 61 (6.1 % off)',
        'Predictions rest on what was measured',
      ],
      machine: [
        'NVIDIA GeForce RTX 4070',
        '61 °C',
        'unknown',
        '812 GFLOPS',
        '± 2.1 %',
        'no WebGPU adapter',
        '4 threads',
        'Within your comfort: 50 % of the time',
        'slow it down: 25 % of the time',
        '1,976',
        '96.2',
        'disturbed',
        'beside 2 jobs',
      ],
      settings: ['Only while I am away', 'minutes without input', 'per million tokens', 'no telemetry'],
    };
    for (const path of EVERY_PAGE) {
      await go(path);
      for (const text of expected[path]) {
        await page.getByText(text, { exact: false }).first().waitFor({ timeout: 5_000 });
      }
    }
  }));

test('the token leaves the address bar and survives a reload', () =>
  withPage({}, async ({ page, agent }) => {
    assert.ok(!page.url().includes(agent.token));
    await page.reload();
    await page.getByText('47.6 tokens').first().waitFor();
    assert.ok(!page.url().includes(agent.token));
  }));

test('the first press of Tab reaches the way past the navigation, and it leads to the page', () =>
  withPage({ language: 'de' }, async ({ page }) => {
    await page.locator('html[lang=de]').waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Zum Inhalt');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'MAIN');
  }));

test('pause and resume by keyboard alone', () =>
  withPage({}, async ({ page, agent }) => {
    for (let presses = 0; presses < 30; presses += 1) {
      await page.keyboard.press('Tab');
      const focused = await page.evaluate(() => document.activeElement?.textContent);
      if (focused === 'Pause') break;
    }
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Until I resume' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const resume = page.getByRole('button', { name: 'Resume' });
    await resume.waitFor();
    assert.deepEqual(
      agent.calls.filter((call) => call.name === 'presence.pause').map((call) => call.input),
      [{ until: '1-hour' }],
    );
    await page.getByText('You paused it until').waitFor();
    await resume.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    assert.ok(agent.calls.some((call) => call.name === 'presence.resume'));
  }));

test('what changes in the agent changes on the page', () =>
  withPage({}, async ({ page, agent }) => {
    const { money } = agent.script.state;
    agent.change({ money: { ...money, earnedToday: '7654321' } });
    await page.getByText('7.654321').waitFor();
  }));

test('a lost line is said, stale data stays, and it comes back by itself', () =>
  withPage({}, async ({ page, agent, complaints }) => {
    agent.cut();
    await page.getByText('Reconnecting').waitFor();
    assert.equal(await page.locator('main.is-stale').count(), 1);
    await page.getByText('0.001283').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('menuitem', { name: 'For 1 hour' }).click();
    await page.getByText('The agent could not be reached.').waitFor();
    agent.restore();
    agent.change({ money: { ...agent.script.state.money, earnedToday: '4242' } });
    await page.getByText('0.004242').waitFor({ timeout: 15_000 });
    await page.getByText('Reconnecting').waitFor({ state: 'detached' });
    // Chromium itself reports each refused WebSocket; nothing else may be there.
    assert.deepEqual(
      complaints.filter((line) => !line.includes('WebSocket')),
      [],
    );
    complaints.length = 0;
  }));

test('a wrong token and a missing one are explained', async () => {
  const origin = (port: number) => `http://127.0.0.1:${port}/`;
  await withPage(
    { url: (agent) => `${origin(agent.port)}${TOKEN_FRAGMENT}${'0bad'.repeat(8)}` },
    async ({ page }) => {
      await page.getByText('does not accept this page’s key').waitFor();
    },
  );
  await withPage({ url: (agent) => origin(agent.port) }, async ({ page }) => {
    await page.getByText('This page needs the agent’s key').waitFor();
  });
});

test('unknown is said as unknown, never as zero', () =>
  withPage({ scenario: 'unknown' }, async ({ page, go }) => {
    await go('wallet');
    const balance = page.locator('.figure', { hasText: 'In the wallet' }).locator('.figure-value');
    assert.equal(await balance.first().innerText(), 'unknown');
    await go('machine');
    for (const name of ['Processor load', 'Free memory', 'Temperature', 'Power']) {
      const value = page
        .locator('.figure', { has: page.getByText(name, { exact: true }) })
        .locator('.figure-value');
      assert.equal(await value.innerText(), 'unknown', name);
    }
    await page.getByText('Cores: unknown').waitFor();
    await go('');
    await page.getByText('Speed: unknown').waitFor();
    await page.getByText('cannot tell whether you are using this machine').waitFor();
    await page.getByRole('button', { name: 'Run anyway, always' }).waitFor();
    await page.getByText('The chain does not answer.').waitFor();
    await go('use');
    await page.getByText('The gateway is not running').waitFor();
  }));

test('an empty page says what will be here and what brings it', () =>
  withPage({ scenario: 'empty' }, async ({ page, go }) => {
    const hints: [string, string][] = [
      ['', 'No job is running'],
      ['jobs', 'No jobs yet'],
      ['earnings', 'Nothing earned in this time'],
      ['earnings', 'No entries yet'],
      ['wallet', 'No claims or payouts yet'],
      ['machine', 'Not measured yet'],
    ];
    for (const [path, hint] of hints) {
      await go(path);
      await page.getByText(hint).waitFor();
    }
    await go('models');
    await page.getByText('No source could be reached').waitFor();
    await page.getByText('A tiny stand-in model answers for now.').waitFor();
  }));

test('paying out names its result before, and shows the transactions after', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('earnings');
    await page.getByRole('button', { name: 'Pay out now' }).click();
    const dialog = page.getByRole('alertdialog');
    await dialog.getByText('sends it to your address 0xf39F…2266').waitFor();
    assert.equal(agent.calls.filter((call) => call.name === 'earnings.settle').length, 0);
    await dialog.getByRole('button', { name: 'Pay out 0.005427 practice USDC' }).click();
    await page.getByText('arrived at your address.').waitFor();
    await page
      .getByText(`0x${'cd'.repeat(32)}`)
      .first()
      .waitFor();
    assert.equal(agent.calls.filter((call) => call.name === 'earnings.settle').length, 1);
  }));

test('a failure says what happened, what it means for the money, and what to do', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('earnings');
    agent.failNext('earnings.settle', 'chain-unavailable', 'The practice chain refused the connection.');
    await page.getByRole('button', { name: 'Pay out now' }).click();
    await page
      .getByRole('alertdialog')
      .getByRole('button', { name: /^Pay out / })
      .click();
    const alert = page.getByRole('alert');
    await alert.getByText('The chain does not answer.').waitFor();
    await alert.getByText('Everything earned is kept here; nothing was paid out.').waitFor();
    await alert.getByText('The practice chain refused the connection.').waitFor();
    await go('jobs/job-9999');
    await page.getByRole('alert').getByText('This is not there, or not any more.').waitFor();
  }));

test('models: what is predicted says so, is not called measured, and is measured anew on a press', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('models');
    const predicted = page.getByRole('listitem').filter({ hasText: '11.4 tokens/s' }).last();
    assert.match(await predicted.innerText(), /Predicted/);
    assert.doesNotMatch(await predicted.innerText(), /Measured/);
    await page.getByRole('button', { name: 'Predict again' }).click();
    await page.getByText('30 %').waitFor();
    assert.ok(agent.calls.some(({ name }) => name === 'benchmark.calibrate'));
    assert.ok(await page.getByRole('button', { name: 'Measuring …' }).isDisabled());
  }));

test('models: download, cancel, serve, and remove after asking', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('models');
    await page.getByRole('button', { name: 'Cancel the download of Llama 3.2 1B Instruct' }).click();
    await page.getByRole('button', { name: 'Download Llama 3.2 1B Instruct (808 MB)' }).click();
    await page.getByText('speed unknown · time left unknown').waitFor();
    await page.getByRole('button', { name: 'Serve Qwen2.5 3B Instruct' }).click();
    await page.getByRole('button', { name: 'Serve SmolLM2 135M Instruct' }).waitFor();
    await page.getByRole('button', { name: 'Remove SmolLM2 135M Instruct' }).click();
    await page.getByRole('button', { name: 'Remove and free 94.0 MB' }).click();
    await page.getByRole('button', { name: 'Download SmolLM2 135M Instruct (94.0 MB)' }).waitFor();
    assert.deepEqual(
      agent.calls.map((call) => call.name).filter((name) => name.startsWith('models.')),
      ['models.cancel', 'models.download', 'models.activate', 'models.remove'],
    );
  }));

test('the benchmark runs from its button, with progress', () =>
  withPage({}, async ({ page, go }) => {
    await go('machine');
    await page.getByRole('button', { name: 'Measure again' }).click();
    await page.getByText('60 % · decode').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Measuring …' }).isDisabled());
  }));

test('settings are kept at once, exactly, and the language changes the page', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    const price = page.getByLabel('Writing an answer');
    await price.fill('0.0800001');
    await page.getByText('at most 6 digits').waitFor();
    await price.fill('0.080001');
    await price.press('Enter');
    await page.getByText('Saved.').waitFor();
    await page.getByText('Run on battery too').click();
    await page.getByText('Deutsch').click();
    await page.getByRole('heading', { name: 'Einstellungen' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'de');
    assert.equal(await page.getByLabel('Antwort schreiben').inputValue(), '0,080001');
    assert.deepEqual(
      agent.calls.filter((call) => call.name === 'settings.change').map((call) => call.input),
      [{ priceOutputPerMillion: '80001' }, { runOnBattery: true }, { language: 'de' }],
    );
  }));

test('jobs are filtered by the agent and open into their story', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('jobs');
    await page.getByText('Not finished').click();
    await page.getByText('Stopped early').waitFor();
    await page.getByText('Paid out').first().waitFor({ state: 'detached' });
    assert.ok(agent.calls.some((call) => JSON.stringify(call.input).includes('"outcome":"failed"')));
    await page.locator('tbody a').last().click();
    await page.getByText('nothing was charged').first().waitFor();
    await page.getByRole('link', { name: '← All jobs' }).click();
    await page.getByRole('heading', { name: 'Jobs' }).waitFor();
  }));

test('time and source of a number are reachable by keyboard', () =>
  withPage({}, async ({ page, go }) => {
    await go('wallet');
    await page.locator('.figure .fact').first().focus();
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Tab');
    await page.getByRole('tooltip').getByText('Practice chain, read at').waitFor();
  }));

test('in the desktop the same pages speak over a message port, and take a new one when it closes', () =>
  withPage(
    {
      url: (agent) => `http://127.0.0.1:${agent.port}/`,
      // The preload's part: hands over a port whose other end reaches the agent.
      before: async (page, agent) => {
        await page.addInitScript(
          ({ path, protocols, portMessage, port }) => {
            let held: MessagePort | undefined;
            window.addEventListener('message', (event) => {
              held = event.ports[0];
            });
            Object.assign(window, {
              // Electron adds this event to ports; plain Chromium has none.
              closePort: () => held?.dispatchEvent(new Event('close')),
              idlewatt: {
                platform: 'linux',
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
      await page.getByText('47.6 tokens').first().waitFor();
      await page.evaluate(() => (window as unknown as { closePort(): void }).closePort());
      agent.change({ money: { ...agent.script.state.money, earnedToday: '31337' } });
      await page.getByText('0.031337').waitFor({ timeout: 15_000 });
    },
  ));
