/**
 * Verifies: the pages show what coming days are expected to bring, apart from what was earned, and what a job, a machine
 * and purchases cost and bring, part by part.
 * Setup: built pages in Chromium against the fake agent, with days, receipts and devices of the test.
 * Fails if: an expected bar looks earned, a missing forecast has no reason, a payout day, a direction's charge, the draw of
 *   the work or a deposit is missing or invented, or a word is cut at a narrow width.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Forecast } from '../../shared/forecast.ts';
import type { Receipt } from '../../shared/offer.ts';
import { type Opened, type Pages, startPages } from './pages-browser.ts';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

/** Ten days of November, each with 500 base units, and as much as given expected for each day after. */
function withDays(agent: Opened['agent'], expected: string | null): void {
  const day = (date: number) => `2026-11-${String(date).padStart(2, '0')}`;
  const { overview } = agent.script;
  const days = Array.from({ length: 10 }, (_, index) => ({
    ...{ day: day(index + 1), earned: '500', jobs: 3, feesCoin: '0' },
    ...{ wattHours: null, powerMicroUsd: null },
  }));
  Object.assign(agent.script, {
    overview: () => ({ ...overview('month'), days }),
    coming: (count: number) =>
      expected === null
        ? null
        : {
            days: Array.from({ length: count }, (_, index) => ({ day: day(10 + index), expected })),
            pastDays: 4,
          },
  });
}

test('coming days of the month are dashed bars with their basis, and listed as expected', () =>
  pages.withPage({ before: async (_, agent) => withDays(agent, '250') }, async ({ agent, page, go }) => {
    await go('earnings');
    await page.getByRole('heading', { name: 'November', exact: true }).waitFor();
    const bars = page.locator('.earnings-bars > div');
    assert.equal(await bars.count(), 30);
    const looks = await bars.locator('i').evaluateAll((all) =>
      all.map((bar) => {
        const { borderTopStyle, backgroundImage } = getComputedStyle(bar);
        return `${borderTopStyle} ${backgroundImage === 'none' ? 'hollow' : 'filled'} ${(bar as HTMLElement).style.blockSize}`;
      }),
    );
    assert.deepEqual(looks.slice(0, 10), Array(10).fill('none filled 83.33%'));
    assert.deepEqual(looks.slice(10), Array(20).fill('dashed hollow 41.67%'));
    assert.deepEqual(agent.calls.filter(({ name }) => name === 'earnings.coming').at(-1)?.input, {
      days: 21,
    });
    await page.locator('.earnings-legend').getByRole('button', { name: 'Expected' }).focus();
    await page.getByRole('tooltip', { name: 'the free hours and jobs of 4 earlier days' }).waitFor();
    await page.getByRole('button', { name: 'Show as table' }).click();
    assert.equal(await page.getByRole('table', { name: 'By day' }).getByText('Expected').count(), 20);
  }));

test('without a forecast the chart says what it takes, and coming days stay empty', () =>
  pages.withPage({ before: async (_, agent) => withDays(agent, null) }, async ({ page, go }) => {
    await go('earnings');
    await page.getByText('It takes the model’s measured speed and three earlier days.').waitFor();
    assert.equal(await page.locator('.is-expected').count(), 0);
    await page.getByRole('radio', { name: 'Year' }).check({ force: true });
    await page.getByRole('heading', { name: '2026', exact: true }).waitFor();
    assert.equal(await page.locator('.earnings-bars > div').count(), 12);
  }));

/** Signed by nobody: the agent verifies receipts, and the page only reads them. */
function receiptOf(changed: Partial<Receipt>): string {
  const receipt: Receipt = {
    ...{ job: 'job-0003', peer: 'p', modelSha256: 'a'.repeat(64), tokenHash: 'b'.repeat(64) },
    ...{ inputTokens: 100, cachedTokens: 40, outputTokens: 200 },
    price: { inputPerMillion: '20000', outputPerMillion: '80000', cachedInputPerMillion: '10000' },
    ...{ assetId: 'a', channelId: 'c', charged: '18', cumulative: '18', finishReason: 'stop', atMs: 0 },
    ...changed,
  };
  return `e30.${Buffer.from(JSON.stringify(receipt)).toString('base64url')}.c2ln`;
}

test('a job’s charge is split by direction, apart from its meaning, and its payout has its day', () =>
  pages.withPage({}, async ({ agent, page, go }) => {
    const job = agent.script.jobs.find(({ id }) => id === 'job-0003');
    assert.ok(job?.charged);
    Object.assign(job, { inputTokens: 100, outputTokens: 200, charged: '18', receipt: receiptOf({}) });
    const day = (after: number) => new Date(agent.now() + after * 86_400_000);
    const short = (date: Date) => date.toISOString().slice(0, 10);
    // 4218 of 50000 base units are owed.
    Object.assign(agent.script, {
      coming: () => ({
        days: [0, 1, 2, 3].map((days) => ({ day: short(day(days)), expected: '20000' })),
        pastDays: 4,
      }),
    });
    await go('jobs/job-0003');
    await page.getByText('0.000018 practice USDC · Charged. The receipt is signed').waitFor();
    const row = (name: string) => page.locator('.kv-row', { hasText: name }).locator('dd');
    assert.equal(await row('Tokens in').innerText(), '100 · 0.0000016 practice USDC');
    assert.equal(await row('Tokens out').innerText(), '200 · 0.000016 practice USDC');
    const weekday = new Intl.DateTimeFormat('en', { weekday: 'short', timeZone: 'UTC' }).format(day(2));
    await page.locator('.story').getByText(`about ${weekday}`).waitFor();
    await go('');
    await page.getByText(`Paid out at 0.05 USDC, about ${weekday}`).waitFor();
  }));

test('purchases are those of the calendar month, with what is deposited', () =>
  pages.withPage({}, async ({ agent, page, go }) => {
    await go('use');
    await page.getByRole('heading', { name: 'Spent this month' }).waitFor();
    assert.deepEqual(agent.calls.find(({ name }) => name === 'buying.overview')?.input, { period: 'month' });
    assert.match(await page.locator('.kv-row', { hasText: 'Deposited' }).innerText(), /4\.60 USDC/);
  }));

test('the intensity says what it takes and brings, with the source, or that the draw is unknown', () =>
  pages.withPage({}, async ({ agent, page, go }) => {
    const forecast = agent.script.forecast as Forecast;
    const card = page.locator('section', { has: page.getByRole('heading', { name: 'Intensity' }) });
    for (const [watts, shown, about] of [
      [{ value: 48, source: 'sensor' }, 'adds 48 W', 'over idle (measured)'],
      [{ value: 90, source: 'setting' }, 'adds 90 W', 'over idle (your figure)'],
      [null, 'extra power unknown', 'You can enter it on the Schedule page'],
    ] as const) {
      Object.assign(agent.script, { forecast: { ...forecast, basis: { ...forecast.basis, watts } } });
      await go('');
      await go('machine');
      await card.getByText('up to 0.69 ct per day').waitFor();
      await card.getByRole('button', { name: shown }).focus();
      await page.getByRole('tooltip', { name: about }).waitFor();
    }
  }));

test('several GPUs have one speed together, and none of their own', () =>
  pages.withPage({}, async ({ agent, page, go }) => {
    const { machine } = agent.script.state;
    const card = machine.devices.find(({ kind }) => kind === 'gpu');
    assert.ok(card);
    const measurements = machine.benchmark.measurements.map((each) => ({ ...each, mode: 'cuda' }));
    agent.change({
      machine: {
        ...machine,
        devices: [...machine.devices, { ...card, name: 'NVIDIA GeForce RTX 3060' }],
        benchmark: { ...machine.benchmark, measurements },
      },
    });
    await go('machine');
    const devices = page.locator('section', { has: page.getByRole('heading', { name: 'Devices' }) });
    await devices.getByText('GPUs together: 47.6 tokens/s').waitFor();
    assert.deepEqual((await devices.innerText()).match(/[\d.]+ tokens\/s/g), ['47.6 tokens/s']);
  }));

test('a narrow sidebar shows today’s amount in full, and an address has two lines of the same length', () =>
  pages.withPage({ width: 900 }, async ({ page, go }) => {
    const today = page.locator('.dock .sm');
    const [needed, given] = await today.evaluate((line) => [line.scrollWidth, line.clientWidth]);
    assert.ok((needed ?? 0) <= (given ?? 0), `${needed} of ${given} px`);
    assert.match(await today.innerText(), /^0\.13\sct/);
    await go('wallet');
    const widths = await page.locator('.wallet-address .wallet-code').evaluate((code) => {
      const range = document.createRange();
      range.selectNodeContents(code);
      return [...range.getClientRects()].map(({ width }) => Math.round(width));
    });
    assert.equal(widths.length, 2);
    assert.equal(widths[0], widths[1]);
  }));
