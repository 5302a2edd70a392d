/**
 * Verifies: the pages set the owner's limits, fetch CUDA, and show the engine's sandbox and the schedule preview.
 * Setup: the built pages in headless Chromium against a fake agent that implements the whole contract.
 * Fails if: a limit is saved in the wrong unit or can't be removed; the sandbox appears active while no engine is
 *   loaded, or an inactive part gives no reason; the preview has no text for screen readers, or isn't updated when
 *   the rules change.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { sandboxOf } from '../fakes/sandbox.ts';
import { axeFindings } from './axe.ts';
import { type Opened, type OpenOptions, type Pages, startPages } from './pages-browser.ts';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

const withPage = (options: OpenOptions, body: (opened: Opened) => Promise<void>) =>
  pages.withPage(options, body);

test('5: the GPU memory limit is typed in gigabytes, saved in bytes, and removed by an empty field', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('machine');
    const field = page.getByLabel('GPU memory limit');
    await field.fill('8');
    await field.press('Enter');
    await page.getByText('runs on the CPU, more slowly').waitFor();
    await field.fill('');
    await field.press('Enter');
    assert.deepEqual(
      agent.calls.filter((call) => call.name === 'settings.change').map((call) => call.input),
      [{ graphicsMemoryBytesMax: 8_000_000_000 }, { graphicsMemoryBytesMax: null }],
    );
  }));

test('the memory limit for models is typed in gigabytes and saved in bytes, the idle time in minutes', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('machine');
    for (const [name, typed] of [
      ['Memory limit for models', '6'],
      ['Unload other models after', '25'],
    ] as const) {
      const field = page.getByLabel(name);
      await field.fill(typed);
      await field.press('Enter');
    }
    const changes = () => agent.calls.filter((call) => call.name === 'settings.change');
    while (changes().length < 2) await setImmediate();
    assert.deepEqual(
      changes().map((call) => call.input),
      [{ modelMemoryBytesMax: 6_000_000_000 }, { modelIdleMinutes: 25 }],
    );
  }));

test('CUDA is fetched when its button with the size is pressed; a running download shows its progress and is canceled', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('machine');
    await page.getByText('CUDA isn’t used: the library libcudart.so.13 is missing').waitFor();
    await page.getByText('NVIDIA CUDA Toolkit EULA').waitFor();
    await page.getByRole('button', { name: 'Download CUDA (540 MB)' }).click();
    const change = (part: Partial<NonNullable<typeof agent.script.state.machine.libraries>>) => {
      const { machine } = agent.script.state;
      const libraries = machine.libraries ?? assert.fail();
      agent.change({ machine: { ...machine, libraries: { ...libraries, ...part } } });
    };
    const progress = {
      receivedBytes: 135_000_000,
      totalBytes: 540_000_000,
      bytesPerSecond: null,
      source: '',
    };
    change({ state: 'downloading', progress });
    await page.getByText('135 MB of 540 MB').waitFor();
    await page.getByRole('button', { name: 'Cancel the download of CUDA' }).click();
    change({ state: 'failed', progress: null, error: 'The disk is full.' });
    await page.getByText('The disk is full.').waitFor();
    change({ state: 'ready', error: null });
    await page.getByRole('button', { name: 'Remove CUDA' }).click();
    while (agent.calls.filter(({ name }) => name.startsWith('libraries.')).length < 3) await setImmediate();
    assert.deepEqual(
      agent.calls.flatMap(({ name }) => (name.startsWith('libraries.') ? [name] : [])),
      ['libraries.download', 'libraries.cancel', 'libraries.remove'],
    );
  }));

test('5: without a GPU the limit explains that none was found', () =>
  withPage({ scenario: 'unknown' }, async ({ page, go }) => {
    await go('machine');
    await page.getByText('No GPU was found.').waitFor();
  }));

test('with a GPU the CPU has a switch that says what off means; alone it has none', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('machine');
    const toggle = page.getByRole('switch', { name: /^Use (AMD|Intel|12th|CPU|.*Ryzen)/ });
    await page.getByText('When off, only GPUs serve, and Idlewatt waits while none can be used.').waitFor();
    assert.equal(await toggle.isChecked(), true);
    await toggle.click({ force: true });
    await page.getByText('The CPU still does a little work').waitFor();
    assert.deepEqual(
      agent.calls.filter(({ name }) => name === 'settings.change').map(({ input }) => input),
      [{ processorOff: true }],
    );
    const { machine, settings } = agent.script.state;
    const devices = machine.devices.filter(({ kind }) => kind === 'cpu');
    agent.change({ machine: { ...machine, devices }, settings: { ...settings, processorOff: false } });
    await toggle.waitFor({ state: 'detached' });
  }));

test('11: each part of the sandbox shows if it is active, and otherwise the reason', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('machine');
    await page.getByText('4 of 5 active').waitFor();
    await page.getByText('What each part does').click();
    const row = (name: string) => page.getByRole('listitem').filter({ hasText: name });
    assert.match(
      await row('No network').innerText(),
      /^No network\s+It can’t open network connections[\s\S]*\sactive$/,
    );
    assert.match(
      await row('Restricted files').innerText(),
      /^Restricted files\s+The operating system denied it[\s\S]*\snot active$/,
    );
    const { work } = agent.script.state;
    agent.change({ work: { ...work, sandbox: { ...sandboxOf('not-built'), priority: 'in-force' } } });
    await row('No network').getByText('native module isn’t built').waitFor();
    assert.match(await row('Lowest priority').innerText(), /^Lowest priority[\s\S]*\sactive$/);
  }));

test('11: while no engine is loaded, no part of the sandbox is shown as active', () =>
  withPage({ scenario: 'empty' }, async ({ page, go }) => {
    await go('machine');
    await page.getByRole('heading', { name: 'Engine sandbox' }).waitFor();
    await page.getByText('What each part does').click();
    assert.equal(await page.getByText(/^(not )?active$/).count(), 0);
    assert.match(
      await page.getByRole('listitem').filter({ hasText: 'No network' }).innerText(),
      /^No network[\s\S]*\sunknown$/,
    );
  }));

test('5: the next 24 hours are listed period by period in words, and updated when the rules change', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('schedule');
    const preview = page.getByRole('region', { name: 'Next 24 hours' });
    await preview.getByText('in Europe/Berlin time').waitFor();
    const words = (await preview.getByRole('listitem').allInnerTexts()).map((text) =>
      text.replace(/\s+/g, ' '),
    );
    assert.equal(words.length, 5);
    assert.match(words[0] ?? '', /^Now until (\w{3} )?\d\d:\d\d \(30 min\): paused by you$/);
    assert.match(words[1] ?? '', /\(3 h 30 min\): outside your schedule$/);
    assert.match(words[2] ?? '', /: not off-peak$/);
    assert.match(words[3] ?? '', / to .*\(8 h\): allowed$/);
    const queries = () => agent.calls.filter((call) => call.name === 'presence.schedulePreview').length;
    const before = queries();
    await page.getByText('Run only during these hours').click();
    for (let tries = 0; tries < 50 && queries() === before; tries += 1) await page.waitForTimeout(50);
    assert.ok(queries() > before);
  }));

/** The hours of the last saved week in which running is allowed, as `day-hour`. */
function savedHours(agent: Opened['agent'], name: 'schedule' | 'offPeakHours', on: boolean): string[] {
  const input = agent.calls.findLast((call) => call.name === 'settings.change')?.input;
  const week = (input as Record<string, string[]>)[name] ?? [];
  return week.flatMap((day, weekday) =>
    [...day].flatMap((bit, hour) => ((bit === '1') === on ? [`${weekday}-${hour}`] : [])),
  );
}

test('hours are painted by dragging, which turns the schedule on, and painting can be undone', () =>
  withPage({}, async ({ page, agent, go }) => {
    const all = Array.from({ length: 7 }, () => '1'.repeat(24));
    agent.change({ settings: { ...agent.script.state.settings, schedule: all } });
    await go('schedule');
    await page.getByRole('radio', { name: 'Never' }).check({ force: true });
    const place = (name: string) => page.locator(`[data-place="${name}"]`);
    await place('1-9').hover();
    await page.mouse.down();
    await place('2-10').hover();
    await page.mouse.up();
    await page.getByRole('button', { name: /^Tuesday, 9 to 10, Never/ }).waitFor();
    assert.deepEqual(savedHours(agent, 'schedule', false), ['1-9', '1-10', '2-9', '2-10']);
    const saved = agent.calls.findLast((call) => call.name === 'settings.change')?.input;
    assert.equal((saved as { scheduleOn?: boolean }).scheduleOn, true);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('button', { name: /^Tuesday, 9 to 10, When you/ }).waitFor();
    assert.deepEqual(savedHours(agent, 'schedule', false), []);
  }));

test('hours are painted by keyboard alone, a line with Shift, and off-peak hours with their own brush', () =>
  withPage({}, async ({ page, agent, go }) => {
    const none = Array.from({ length: 7 }, () => '0'.repeat(24));
    const { settings } = agent.script.state;
    agent.change({ settings: { ...settings, schedule: none, offPeakHours: none, scheduleOn: true } });
    await go('schedule');
    await page.locator('[data-place="0-0"]').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: /^Monday, 1 to 2, When you/ }).waitFor();
    assert.deepEqual(savedHours(agent, 'schedule', true), ['0-1']);
    await page.keyboard.press('Shift+ArrowDown');
    await page.getByRole('button', { name: /^Tuesday, 1 to 2, When you/ }).waitFor();
    assert.deepEqual(savedHours(agent, 'schedule', true), ['0-1', '1-1']);
    await page.getByRole('radio', { name: 'Off-peak' }).check({ force: true });
    await page.locator('[data-place="1-1"]').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: /^Tuesday, 1 to 2, .*Off-peak/ }).waitFor();
    assert.deepEqual(savedHours(agent, 'offPeakHours', true), ['1-1']);
  }));

test('an implausible price is saved only after the owner confirms it', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    const changes = () => agent.calls.filter((call) => call.name === 'settings.change');
    const price = page.getByLabel('Output tokens').first();
    await price.fill('250');
    await price.press('Enter');
    const question = page.getByRole('alertdialog', { name: 'Is this value right?' });
    await question.getByText('Output tokens usually cost between').waitFor();
    assert.deepEqual(changes(), []);
    await question.getByRole('button', { name: 'Save it anyway' }).click();
    await page.getByText('Saved', { exact: true }).waitFor();
    assert.deepEqual(
      changes().map(({ input }) => input),
      [{ priceOutputPerMillion: '250000000' }],
    );
  }));

for (const [path, label, typed, saved] of [
  ['settings', 'Budget per day', '250', { buyDayMax: '250000000' }],
  ['schedule', 'Electricity price', '3', { powerPriceMicroUsd: 3_000_000 }],
  ['machine', 'Power limit', '2', { wattsMax: 2 }],
  ['schedule', 'Extra power while it works', '2500', { workWatts: 2_500 }],
] as const) {
  test(`every page asks in the same dialog, and a declined value leaves its field: ${label}`, () =>
    withPage({}, async ({ page, agent, go }) => {
      await go(path);
      const field = page.getByLabel(label).first();
      const before = await field.inputValue();
      const question = page.getByRole('alertdialog', { name: 'Is this value right?' });
      const enter = async () => {
        await field.fill(typed);
        await field.press('Enter');
        await question.waitFor();
      };
      await enter();
      await question.getByRole('button', { name: 'Keep the old value' }).click();
      await question.waitFor({ state: 'detached' });
      assert.equal(await field.inputValue(), before);
      const inputs = () =>
        agent.calls.filter((call) => call.name === 'settings.change').map(({ input }) => input);
      assert.deepEqual(inputs(), []);
      await enter();
      await question.getByRole('button', { name: 'Save it anyway' }).click();
      while (inputs().length === 0) await page.waitForTimeout(20);
      assert.deepEqual(inputs(), [saved]);
    }));
}

test('settings stand in sections with links, and the limits of buying lead to theirs', () =>
  withPage({}, async ({ page, go }) => {
    await go('use');
    const limit = page.locator('.use-limits').getByRole('link', { name: 'Change the limits' });
    assert.equal(await limit.count(), 2);
    await limit.first().click();
    const isAtTop = (title: string) =>
      page.waitForFunction((text) => {
        const heading = document.activeElement;
        const top = heading?.getBoundingClientRect().top ?? -1;
        return heading?.textContent === text && top >= 0 && top < innerHeight / 2;
      }, title);
    await isAtTop('Buying');
    const links = page.getByRole('navigation', { name: 'Sections' });
    await links.getByRole('link', { name: 'Running' }).click();
    await isAtTop('Running');
    // The address stays the same.
    await page.evaluate(() => window.scrollTo(0, 0));
    await links.getByRole('link', { name: 'Running' }).click();
    await isAtTop('Running');
    assert.equal(await links.locator('[aria-current]').innerText(), 'Running');
  }));

test('About shows version, code, licenses and what removing Idlewatt leaves', () =>
  withPage({}, async ({ page, agent, go }) => {
    const { app } = agent.script.state;
    const facts = { autostartObstacle: null, hasKeychain: true, homepage: 'https://idlewatt.example/code' };
    agent.change({ app: { ...app, shell: facts } });
    await go('settings/about');
    const about = page.locator('.settings-section', { has: page.getByRole('heading', { name: 'About' }) });
    await about.getByText(app.version, { exact: true }).waitFor();
    await about.getByText(facts.homepage).waitFor();
    await about.getByText('/home/ada/.local/share/idlewatt', { exact: true }).waitFor();
    await about.getByRole('button', { name: 'Show licenses' }).click();
    await about.getByText('Copyright (c) 2025 Colin McDonnell').waitFor();
    assert.deepEqual(await axeFindings(page), []);

    agent.setLicenses(null);
    await go('home');
    await go('settings');
    await about.getByText('node_modules has its own license').waitFor();
    assert.equal(await about.getByRole('button', { name: 'Show licenses' }).count(), 0);
  }));

test('an update is shown from its check to the restart, each failure in plain words, and the switch is stored', () =>
  withPage({}, async ({ page, agent, go }) => {
    const { app } = agent.script.state;
    const show = (updates: Partial<typeof app.updates>, host: typeof app.host = 'desktop') =>
      agent.change({ app: { ...app, host, updates: { ...app.updates, ...updates } } });
    const callsOf = (name: string) => agent.calls.filter((call) => call.name === name).length;
    await go('settings/about');
    const part = page.getByRole('region', { name: 'Updates' });
    page.setDefaultTimeout(15_000);
    const shows = (text: string) => part.getByText(text).first().waitFor();
    await shows('Up to date');
    await shows(app.updates.feed ?? '');
    await part.getByRole('button', { name: 'Check now' }).click();
    while (callsOf('updates.check') === 0) await page.waitForTimeout(20);

    show({ doing: 'downloading', version: '9.0.0', bytes: 200_000_000, receivedBytes: 50_000_000 });
    await shows('Downloading version 9.0.0');
    await shows('50.0 MB of 200 MB');
    assert.equal(await part.getByRole('button', { name: 'Check now' }).isDisabled(), true);
    const ready = {
      finding: 'available',
      version: '9.0.0',
      file: '/home/ada/updates/new',
      kind: 'deb',
    } as const;
    show(ready);
    await shows("sudo apt install '/home/ada/updates/new'");
    show({ ...ready, kind: 'appimage' }, 'headless');
    await shows('replace its AppImage with this file');
    show({ ...ready, kind: 'appimage' });
    await part.getByRole('button', { name: 'Restart to update' }).click();
    while (callsOf('updates.install') === 0) await page.waitForTimeout(20);
    show({ ...ready, doing: 'waiting-for-jobs' });
    await shows('takes no new jobs');

    show({ problem: 'wrong-signature' });
    await shows('isn’t signed by Idlewatt');
    show({ problem: 'unreachable', reason: 'connection refused' });
    await shows('Details: connection refused');
    assert.deepEqual(await axeFindings(page), []);

    await part.getByText('Download updates automatically').click();
    const stored = () => agent.calls.find(({ name }) => name === 'settings.change')?.input;
    while (stored() === undefined) await page.waitForTimeout(20);
    assert.deepEqual(stored(), { updatesAutomatic: false });

    show({ feed: null, finding: null });
    await shows('contacts nobody');
    assert.equal(await part.getByRole('button').count(), 0);
    assert.equal(await part.getByRole('switch').count(), 0);
  }));

test('after an upgrade a press restarts Idlewatt, when the running jobs are finished', () =>
  withPage({}, async ({ page, agent, go }) => {
    const { app } = agent.script.state;
    const notice = { code: 'upgraded', severity: 'info', details: { version: '9.0.0' } } as const;
    agent.change({ app: { ...app, notices: [notice], host: 'headless' } });
    await go('home');
    await page.getByText('Another version of Idlewatt was installed').waitFor();
    const button = page.getByRole('button', { name: 'Restart Idlewatt' });
    assert.equal(await button.count(), 0, 'in a browser there is no app to restart');
    agent.change({ app: { ...app, notices: [notice], host: 'desktop' } });
    await button.click();
    await page.getByText('Restarts as soon as the running jobs are finished').waitFor();
    assert.deepEqual(
      agent.calls.filter(({ name }) => name === 'app.restart').map(({ input }) => input),
      [{}],
    );
  }));

test('a rate is typed plausibly, and nothing is chosen before', () =>
  withPage({}, async ({ page, agent, go }) => {
    const { money } = agent.script.state;
    const asset = { ...money.asset, practice: false };
    agent.change({ money: { ...money, asset } });
    await go('settings');
    const inputs = () =>
      agent.calls.filter((call) => call.name === 'settings.change').map(({ input }) => input);
    await page.getByText('No rate is queried.').waitFor();
    await page.getByLabel('Exchange rate').selectOption('typed');
    const field = page.getByLabel('One USDC is');
    await field.fill('92');
    await field.press('Enter');
    await page.getByText('Enter a plausible rate in EUR').waitFor();
    await field.fill('0.92');
    await field.press('Enter');
    while (inputs().length < 2) await page.waitForTimeout(20);
    assert.deepEqual(inputs(), [{ rateSource: 'typed' }, { typedRate: '0.92' }]);
    agent.change({
      money: {
        ...money,
        asset,
        rate: { currency: 'EUR', perDollar: 0.92, atMs: agent.now(), source: 'typed' },
      },
    });
    await page.getByText('1 USDC = €0.92').waitFor();
    await go('earnings');
    await page.getByText('€', { exact: false }).first().waitFor();
  }));

test('a backup and a report are written by the agent, and the page names their place', () =>
  withPage({ scenario: 'empty' }, async ({ page, agent, go }) => {
    await go('settings');
    await page.getByRole('button', { name: 'Back up now' }).click();
    await page.getByRole('button', { name: 'Make report' }).click();
    const has = (wanted: string) => agent.calls.some(({ name }) => name === wanted);
    while (!has('maintenance.backup') || !has('maintenance.report')) await page.waitForTimeout(20);
  }));

test('a backup is checked, and restored only after the owner accepts what it lacks', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    await page.getByRole('button', { name: 'Check backup' }).click();
    await page.getByText('with 4,812 ledger entries').waitFor();
    await page.getByText('It lacks 118 newer entries').waitFor();
    const restores = () => agent.calls.filter(({ name }) => name === 'maintenance.restore');
    await page.getByRole('button', { name: 'Restore this backup' }).click();
    const question = page.getByRole('alertdialog');
    await question.getByText('It lacks 118 newer entries').waitFor();
    await question.getByRole('button', { name: 'Cancel' }).click();
    await question.waitFor({ state: 'detached' });
    assert.deepEqual(restores(), []);
    await page.getByRole('button', { name: 'Restore this backup' }).click();
    await question.getByRole('button', { name: 'Restore this backup' }).click();
    await page.getByText(/Idlewatt (is quitting|starts again)/).waitFor();
    assert.deepEqual(
      restores().map(({ input }) => input),
      [{ name: 'idlewatt-20261123-120000.tar.gz', checksum: 'c'.repeat(64), acceptsEntriesLost: 118 }],
    );
  }));

test('a backup with another wallet names both, and the end of the last restore stays on the page', () =>
  withPage({}, async ({ page, agent, go }) => {
    const message = 'The backup is damaged.';
    agent.setRestore({
      facts: { wallet: `0x${'2'.repeat(40)}`, isSameLedger: false },
      last: { outcome: 'failed', atMs: agent.now(), file: 'x', message },
    });
    await go('settings');
    await page.getByText('Nothing was changed.').waitFor();
    await page.getByText(message).waitFor();
    await page.getByRole('button', { name: 'Check backup' }).click();
    await page.getByText('It belongs to another ledger.').waitFor();
    await page.getByText(`0x${'2'.repeat(40)}`).waitFor();
  }));

test('prices follow the market within limits that appear with it, and the page shows the prices now', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('settings');
    const changes = () => agent.calls.filter((call) => call.name === 'settings.change');
    assert.equal(await page.getByLabel('Lower limit').count(), 0);
    await page.getByRole('radio', { name: 'Follow the market' }).click({ force: true });
    const lowest = page.getByLabel('Lower limit');
    await lowest.fill('70');
    await lowest.press('Enter');
    const discount = page.getByLabel('Discount on batches');
    await discount.fill('20');
    await discount.press('Enter');
    while (changes().length < 3) await setImmediate();
    assert.deepEqual(
      changes().map((call) => call.input),
      [{ pricePolicy: 'market' }, { priceLowestPercent: 70 }, { batchDiscountPercent: 20 }],
    );
    await page.getByRole('list', { name: 'Prices now' }).getByText('Follows the market').waitFor();
  }));

test('buyers are chosen, a list takes peer IDs out of whole addresses, and kinds of jobs are turned off', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('sources');
    const changes = () => agent.calls.filter((call) => call.name === 'settings.change');
    const peer = '12D3KooWGJvHrqAiVfT6mCgjWvMbjNVGuNUMLhrkpLq6gqk1WVQ5';
    await page.getByRole('radio', { name: 'Only my list' }).click({ force: true });
    const field = page.getByLabel('Peer ID', { exact: true });
    await field.fill('no peer');
    await page.getByText('Enter a peer ID that begins with 12D3KooW.').waitFor();
    await field.fill(`/ip4/192.0.2.1/tcp/4001/p2p/${peer}`);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('button', { name: `Remove ${peer}` }).waitFor();
    await page.getByRole('switch', { name: 'Chat with tools' }).click({ force: true });
    while (changes().length < 3) await setImmediate();
    assert.deepEqual(
      changes().map((call) => call.input),
      [{ sellTo: 'listed' }, { knownPeers: [peer] }, { categoriesOff: ['tools'] }],
    );
  }));

test('each source of jobs has what it paid, its switch and its facts; kudos are no money', () =>
  withPage({}, async ({ page, agent, go }) => {
    await go('sources');
    const part = (name: string) => page.getByRole('region', { name, exact: true });
    const paid = (name: string) =>
      part(name).getByRole('listitem').filter({ hasText: 'Paid in the last 30 days' });
    assert.match(await paid('Idlewatt’s market').innerText(), /1\.93\sct[\s\S]*Practice[\s\S]*412\sjobs/);
    assert.match(await paid('Storefront').innerText(), /before what the answers cost[\s\S]*16\sjobs/);
    assert.match(await paid('AI Horde').innerText(), /612\.3\skudos$/);
    for (const name of ['Idlewatt’s market', 'Storefront', 'AI Horde', 'Your own machines']) {
      await part(name).getByText('What it asks of you').waitFor();
      await part(name).getByText('What others see').waitFor();
    }
    const changes = () => agent.calls.filter((call) => call.name === 'settings.change');
    await page.getByRole('switch', { name: 'Sell on the market' }).click({ force: true });
    await page.getByRole('switch', { name: 'Run a storefront' }).click({ force: true });
    await page.getByLabel('Port', { exact: true }).fill('8500');
    await page.keyboard.press('Enter');
    const address = page.getByLabel('Public address');
    await address.fill('ai.example.com');
    await page.getByText('Enter an address such as https://ai.example.com.').waitFor();
    await address.fill('https://ai.example.com');
    await page.getByRole('button', { name: 'Save address' }).click();
    while (changes().length < 4) await setImmediate();
    assert.deepEqual(
      changes().map((call) => call.input),
      [
        { marketOn: false },
        { storefrontOn: true },
        { storefrontPort: 8_500 },
        { storefrontUrl: 'https://ai.example.com' },
      ],
    );
    const { storefront } = agent.script.state;
    const open = { ...storefront, state: 'open' as const, address: 'http://127.0.0.1:8500' };
    agent.change({ storefront: { ...open, publicUrl: open.address } });
    await page.getByText('Open for programs on this machine only.').waitFor();
    agent.change({ storefront: { ...open, publicUrl: 'https://ai.example.com', isFixed: true } });
    await page.getByText('Open at https://ai.example.com.').waitFor();
    assert.equal(await page.getByRole('switch', { name: 'Run a storefront' }).isDisabled(), true);
    assert.equal(await page.getByLabel('Public address').count(), 0, 'the command line sets it');
    const certificate = { domain: 'ai.example.com', expiresAtMs: null, problem: null, nextTryAtMs: null };
    agent.change({ storefront: { ...open, certificate } });
    await page.getByText('None yet for ai.example.com.').waitFor();
    const refused = { ...certificate, expiresAtMs: 1, problem: 'Refused: no such name.', nextTryAtMs: 2 };
    agent.change({ storefront: { ...open, certificate: refused } });
    await page.getByText(/Expired for ai\.example\.com on .*1970/).waitFor();
    await page.getByText(/Refused: no such name\. Next attempt: .*1970/).waitFor();
    agent.change({ storefront: { ...storefront, state: 'port-in-use' } });
    await page.getByText('another program uses the port').waitFor();
  }));

test('hotkeys that may use the machine have names, on the page of the sources', () =>
  withPage({ scenario: 'busy' }, async ({ page, agent, go }) => {
    await go('sources');
    const card = page.getByRole('region', { name: 'Bittensor hotkeys', exact: true });
    await card.getByText('Listens at http://127.0.0.1:8091.').waitFor();
    await card.getByText('Ada’s notebook, …j68kUMaw').waitFor();
    await card.getByText('nothing is paid, and no emissions are promised').waitFor();
    const { settings } = agent.script.state;
    agent.change({
      bittensor: { url: null, hotkey: null },
      settings: { ...settings, bittensorHotkeys: [], bittensorNames: {} },
    });
    await card.getByText('Off. The option --bittensor-listen turns it on.').waitFor();
    await card.getByText('None. The command “bittensor allow” adds one.').waitFor();
    assert.equal(await card.getByText('This machine’s hotkey', { exact: true }).count(), 0);
  }));

test('a source that has paid nothing says so', () =>
  withPage({ scenario: 'empty' }, async ({ page, go }) => {
    await go('sources');
    assert.equal(await page.getByText('Nothing yet', { exact: true }).count(), 3);
  }));
