/**
 * Verifies: Home keeps its boxes in every status, shows practice and real money differently, cuts off no sentence, and
 *   the introduction opens once; an unknown address is reported.
 * Setup: axe-core and the built pages in headless Chromium against a fake agent whose status and money the test changes.
 * Fails if: a status or a job moves a card or the first button, a sentence is cut off in a language, practice money
 *   appearances like real money, a page scrolls sideways on a phone, or the introduction can't be skipped.
 * Long: it goes through every state of a page.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright';
import type { Period } from '../../shared/period.ts';
import { decisionOf, presenceReasonSchema } from '../../shared/presence.ts';
import { HOME_STATUSES, type HomeStatus, homeState, withRealMoney } from '../fakes/agent-home.ts';
import { axeFindings, createAppearanceCheck } from './axe.ts';
import { type Opened, type Pages, startPages, waitForSelector } from './pages-browser.ts';

const WIDTHS = [1280, 900, 390] as const;
/** WCAG 2.2, target size. */
const TARGET_PX = 24;
const FIRST_ACTION_PX = 144;
const CLS_MAX = 0.02;

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

const BOXES = {
  panel: '.panel',
  sign: '.panel .glyph',
  sentence: '.panel-why',
  action: '.panel-actions > :first-child',
  number: '.live-num',
  today: '.today',
  money: '.today + .rows',
  readings: '.facts',
} as const;

/** Returns where each box begins and, where that may not change, how large it is. */
function boxesOf(page: Page): Promise<Record<string, readonly number[]>> {
  return page.evaluate((boxes) => {
    const found: Record<string, readonly number[]> = {};
    for (const [name, selector] of Object.entries(boxes)) {
      const box = document.querySelector(selector)?.getBoundingClientRect();
      if (!box) throw new Error(`${name} is missing`);
      const { x, y, width, height, bottom } = box;
      if (name === 'number') found[name] = [x, bottom];
      else if (name === 'sentence' || name === 'action') found[name] = [x, y];
      else found[name] = [x, y, width, height];
    }
    return Object.fromEntries(Object.entries(found).map(([key, each]) => [key, each.map(Math.round)]));
  }, BOXES);
}

async function show(
  { agent, page }: Opened,
  sections: Parameters<Opened['agent']['change']>[0],
  label: string,
) {
  agent.change(sections);
  await page.locator('.panel h1', { hasText: label }).waitFor();
}

const LABELS = {
  earning: 'Earning',
  ready: 'Ready',
  waiting: 'Waiting',
  paused: 'Paused',
  starting: 'Getting ready',
  stopped: 'Stopped',
} as const;

for (const width of WIDTHS) {
  test(`every status has the same boxes, and the first action its width: ${width} px`, () =>
    pages.withPage({ width }, async (opened) => {
      const { agent, page } = opened;
      const { state } = agent.script;
      await page.locator('.day-bar').first().waitFor({ state: 'attached' });
      const nowMs = agent.now();
      const first = await boxesOf(page);
      for (const money of [{}, withRealMoney(state, nowMs)]) {
        agent.change(money);
        for (const status of HOME_STATUSES) {
          await show(opened, homeState(state, status, nowMs), LABELS[status]);
          assert.deepEqual(await boxesOf(page), first, `${status}, ${width} px`);
          const action = await page.locator(BOXES.action).boundingBox();
          assert.ok((action?.width ?? 0) >= FIRST_ACTION_PX, `${status}: ${String(action?.width)}`);
        }
      }
      agent.cut();
      await page.locator('.panel h1', { hasText: 'Not responding' }).waitFor();
      assert.deepEqual(await boxesOf(page), first, 'without an agent');
    }));
}

for (const [width, language] of [
  [1280, 'en'],
  [390, 'de'],
] as const) {
  test(`axe-core finds nothing on Home in any status, in light and dark: ${width} px, ${language}`, async () => {
    const { agent, page, close } = await pages.open({ width, language });
    try {
      const { state } = agent.script;
      const newAppearances = createAppearanceCheck();
      const check = async (status: HomeStatus) => {
        agent.change(homeState(state, status, agent.now()));
        await waitForSelector(page, `.panel.is-${status}`);
        assert.deepEqual(await axeFindings(page, 'structure'), [], status);
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme });
          assert.deepEqual(await newAppearances(page), [], `${status}, ${colorScheme}`);
        }
      };
      for (const status of HOME_STATUSES) await check(status);
      agent.change(withRealMoney(state, agent.now()));
      await check('earning');
    } finally {
      await close();
    }
  });
}

/** Runs in the page: resolves when the page has drawn what was earned last, in base units. */
async function drawsEarned(earned: string): Promise<void> {
  const frame = () => new Promise(requestAnimationFrame);
  while (!document.querySelector('.today')?.textContent?.includes(earned)) await frame();
  // A frame is drawn after its callbacks.
  await frame();
}

test('nothing moves while jobs start and end', () =>
  pages.withPage({}, async ({ agent, page }) => {
    const { state } = agent.script;
    await page.locator('.day-bar').first().waitFor({ state: 'attached' });
    await page.evaluate(() => {
      const shifts: number[] = [];
      Object.assign(window, { shifts });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) shifts.push((entry as unknown as { value: number }).value);
      }).observe({ type: 'layout-shift' });
    });
    for (let turn = 0; turn < 60; turn += 1) {
      const activeJobs = state.work.activeJobs.slice(0, turn % 3);
      // Its last digit stays, since a zero there isn't shown.
      const earnedToday = String(1283 + turn * 970);
      agent.change({
        work: { ...state.work, activeJobs, tokensPerSecond: 7.5 * turn ** 2 },
        money: { ...state.money, earnedToday, owed: String(4227 + turn * 977) },
      });
      await page.evaluate(drawsEarned, earnedToday);
    }
    const shifts = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts);
    const total = shifts.reduce((sum, each) => sum + each, 0);
    assert.ok(total < CLS_MAX, `cumulative layout shift ${total}`);
  }));

/** Runs in the page: returns how many pixels of the sentence are cut off once the page shows what was earned last. */
async function cutOffPx(earned: string): Promise<number> {
  while (!document.querySelector('.today')?.textContent?.includes(earned))
    await new Promise(requestAnimationFrame);
  const sentence = document.querySelector('.panel-why');
  return sentence === null ? Number.NaN : sentence.scrollHeight - sentence.clientHeight;
}

for (const language of ['en', 'de'] as const) {
  test(`no sentence of a status is cut off, in any window: ${language}`, () =>
    pages.withPage({ language }, async ({ agent, page }) => {
      await waitForSelector(page, `html[lang=${language}]`);
      const { work, money } = agent.script.state;
      let earnedToday = 123_451;
      for (const width of [1280, 900, 390, 320]) {
        await page.setViewportSize({ width, height: 860 });
        for (const reason of presenceReasonSchema.options.filter((each) => each !== 'no-agent')) {
          for (const jobs of [0, 2]) {
            const untilMs = agent.now() + 26 * 3_600_000;
            const presence = { decision: decisionOf(reason), reason, sinceMs: agent.now(), untilMs };
            // Its last digit stays, since a zero there isn't shown.
            earnedToday += 10;
            agent.change({
              work: { ...work, presence, activeJobs: work.activeJobs.slice(0, jobs) },
              money: { ...money, earnedToday: String(earnedToday) },
            });
            const hidden = await page.evaluate(cutOffPx, String(earnedToday));
            assert.ok(hidden <= 1, `${reason} at ${width} px: ${hidden} px are cut off`);
          }
        }
      }
    }));
}

/** Sets today's net earnings, in millionths of a US dollar. */
function withNet(agent: Opened['agent'], netMicroUsd: number): void {
  const { overview } = agent.script;
  Object.assign(agent.script, {
    overview: (period: Period) => {
      const found = overview(period);
      return { ...found, totals: { ...found.totals, netMicroUsd } };
    },
  });
}

test('practice money is a ticket with its word; real money is in the owner’s currency, with the exact amount', () =>
  pages.withPage({ prepare: (agent) => withNet(agent, 663_043) }, async ({ agent, page }) => {
    const hero = page.locator('.today .hero-num');
    assert.equal(await hero.innerText(), '0.13\u00a0ctPractice');
    assert.equal(await page.locator('.today').getByText('€0.61 after electricity').count(), 0);
    await page.locator('.today').getByText('996 Wh of electricity').waitFor();
    assert.ok((await page.locator('.rows .ticket').count()) >= 3);
    await page.getByText('0.001283 practice USDC').first().waitFor();
    agent.change(withRealMoney(agent.script.state, agent.now()));
    await page.locator('.today .hero-num', { hasText: '€0.84' }).waitFor();
    assert.equal(await hero.innerText(), '€0.84');
    await page.getByText('0.913043 USDC').first().waitFor();
    await page.locator('.today').getByText('€0.61 after electricity').waitFor();
    assert.equal(await page.locator('.ticket, .today .practice-tag').count(), 0);
    await page.getByText('Paid out at 5 USDC').waitFor();
  }));

/** Earned in the hours before now and expected in those after it, at any time of the day. */
function withHours(agent: Opened['agent'], expected: string | null): void {
  const hourMs = 3_600_000;
  const startMs = Math.floor(agent.now() / hourMs - 12) * hourMs;
  const today = Array.from({ length: 24 }, (_, index) => {
    const fromMs = startMs + index * hourMs;
    const isOver = index < 12;
    return {
      ...{ fromMs, toMs: fromMs + hourMs },
      earned: isOver ? '100' : '0',
      expected: isOver ? null : expected,
      did: isOver ? ('working' as const) : null,
    };
  });
  const rest = expected === null ? null : { expected: '450', low: '300', high: '600', days: 12 };
  Object.assign(agent.script, { today, rest });
}

test('the hours to come are dashed bars, with what today is on track for', () =>
  pages.withPage({ prepare: (agent) => withHours(agent, '50') }, async ({ page }) => {
    const today = page.locator('.today');
    // 1283 base units are earned; 450 more are expected.
    await today.getByText('On track for').waitFor();
    await today.getByText('0.17 ct', { exact: true }).waitFor();
    await today.getByText('likely 0.16 ct to 0.19 ct').waitFor();
    await today.getByRole('button', { name: '0.17 ct' }).focus();
    await page.getByRole('tooltip', { name: 'your measured speed with one job at a time' }).waitFor();
    assert.equal(await page.locator('.day .is-expected').count(), 11);
    const bar = page.locator('.day .is-expected .day-bar').first();
    const style = await bar.evaluate((element) => {
      const { borderTopStyle, backgroundImage } = getComputedStyle(element);
      return { borderTopStyle, backgroundImage, share: (element as HTMLElement).style.blockSize };
    });
    assert.deepEqual(style, { borderTopStyle: 'dashed', backgroundImage: 'none', share: '50%' });
    assert.equal(await page.locator('.today table').getByText('Expected').count(), 11);
  }));

test('nothing is expected where too few days are known', () =>
  pages.withPage({ prepare: (agent) => withHours(agent, null) }, async ({ page }) => {
    await page.locator('.today').getByText('A day could bring').waitFor();
    await page.locator('.day .is-earning').first().waitFor();
    assert.equal(await page.locator('.is-expected').count(), 0);
    assert.equal(await page.locator('.today').getByText('On track for').count(), 0);
  }));

test('the dock pauses and resumes in one press on every page', () =>
  pages.withPage({}, async ({ agent, page, go }) => {
    for (const path of ['jobs', 'settings']) {
      await go(path);
      await page.locator('.dock').getByRole('button', { name: 'Pause' }).click();
      await page.locator('.dock').getByText('Paused').waitFor();
      await page.locator('.dock').getByRole('button', { name: 'Resume' }).click();
      await page.locator('.dock').getByText('Earning').or(page.locator('.dock').getByText('Ready')).waitFor();
    }
    assert.deepEqual(
      agent.calls.filter(({ name }) => name.startsWith('presence.') && name !== 'presence.schedulePreview'),
      ['pause', 'resume', 'pause', 'resume'].map((name) => ({
        name: `presence.${name}`,
        input: name === 'pause' ? { until: 'resume' } : {},
      })),
    );
  }));

test('an owner at the machine starts it with one press', () =>
  pages.withPage({}, async (opened) => {
    const { agent, page } = opened;
    await show(opened, homeState(agent.script.state, 'waiting', agent.now()), 'Waiting');
    await page.getByRole('button', { name: 'Start now' }).click();
    await page.getByRole('button', { name: 'Start now' }).waitFor({ state: 'detached' });
    assert.ok(agent.calls.some(({ name }) => name === 'presence.startNow'));
  }));

test('an owner at the machine starts it for longer, changes that time and ends it, on Home, in the dock and on Schedule', () =>
  pages.withPage({}, async (opened) => {
    const { agent, page, go } = opened;
    const choose = async (button: string, choice: string) => {
      await page.getByRole('main').getByRole('button', { name: button, exact: true }).click();
      await page.getByRole('menuitem', { name: choice }).click();
    };
    await show(opened, homeState(agent.script.state, 'waiting', agent.now()), 'Waiting');
    await choose('Choose time', 'For 4 hours');
    await choose('Change time', 'Until tomorrow morning');
    await choose('Change time', 'Wait for me again');
    await page.getByRole('button', { name: 'Start now' }).waitFor();
    await page.getByRole('button', { name: 'Waiting: Run while you use the machine' }).click();
    await page.getByRole('menuitem', { name: 'For 1 hour' }).click();
    await page.getByRole('button', { name: 'Start now' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Run while you use the machine' }).click();
    await page.getByRole('menuitem', { name: 'Wait for me again' }).click();
    await go('schedule');
    await page.getByText('Battery, heat and the schedule still count').waitFor();
    await choose('Choose time', 'For 8 hours');
    await page.getByText('Battery, heat and the schedule still count').waitFor({ state: 'detached' });
    await page.getByText(/^Runs until/).waitFor();
    const calls = agent.calls.filter(({ name }) => /presence\.(startNow|endStart)/.test(name));
    assert.deepEqual(
      calls.map(({ name, input }) => [name.slice('presence.'.length), input]),
      [
        ['startNow', { for: '4-hours' }],
        ['startNow', { for: 'tomorrow' }],
        ['endStart', {}],
        ['startNow', { for: '1-hour' }],
        ['endStart', {}],
        ['startNow', { for: '8-hours' }],
      ],
    );
  }));

test('a new status is announced once, and the tokens per second never', () =>
  pages.withPage({}, async (opened) => {
    const { agent, page } = opened;
    const { state } = agent.script;
    const news = page.locator('.app > p[role=status]');
    agent.change({
      work: { ...state.work, tokensPerSecond: 99, activeJobs: state.work.activeJobs.slice(0, 1) },
    });
    await page.getByText('99', { exact: true }).waitFor();
    assert.equal(await news.innerText(), '');
    await show(opened, homeState(state, 'waiting', agent.now()), 'Waiting');
    assert.match(await news.innerText(), /^Waiting\. You’re using this machine/);
  }));

test('an address that names no page is reported and leads Home', () =>
  pages.withPage({}, async ({ page, go }) => {
    await go('nowhere');
    await page.getByRole('heading', { name: 'Page not found' }).waitFor();
    await page.getByRole('link', { name: 'Open Home' }).click();
    await page.locator('.panel').waitFor();
  }));

test('the introduction opens at the first start, has three steps, and is not shown again', () =>
  pages.withPage(
    {
      prepare: (agent) => agent.change({ settings: { ...agent.script.state.settings, welcomeSeen: false } }),
    },
    async ({ agent, page }) => {
      await page.getByRole('heading', { name: 'Your machine can earn while you’re away' }).waitFor();
      await page.getByRole('link', { name: 'Measure this machine' }).click();
      await page.getByRole('heading', { name: 'Measured' }).waitFor();
      await page.getByText('812').waitFor();
      await page.getByRole('link', { name: 'Continue' }).click();
      await page.getByRole('heading', { name: 'Your first job is done' }).waitFor();
      await page.getByRole('switch', { name: 'Run on battery too' }).focus();
      await page.keyboard.press('Space');
      await page.getByRole('button', { name: 'Open Idlewatt' }).click();
      await page.locator('.panel').waitFor();
      assert.deepEqual(
        agent.calls.filter(({ name }) => name === 'settings.change').map(({ input }) => input),
        [{ runOnBattery: true }, { welcomeSeen: true }],
      );
    },
  ));

test('the introduction can be skipped on each step', async () => {
  for (const step of ['1', '2', '3']) {
    await pages.withPage({}, async ({ agent, page, go }) => {
      await go(`welcome/${step}`);
      await page.getByRole('button', { name: 'Skip' }).click();
      await page.locator('.panel').waitFor();
      assert.ok(agent.calls.some(({ name }) => name === 'settings.change'));
    });
  }
});

test('while the owner uses the machine, the introduction offers to start it for the measurement', () =>
  pages.withPage({}, async ({ agent, page, go }) => {
    agent.change(homeState(agent.script.state, 'waiting', agent.now()));
    await go('welcome/2');
    await page.getByRole('button', { name: 'Start now' }).click();
    await page.getByRole('button', { name: 'Start now' }).waitFor({ state: 'detached' });
    assert.ok(agent.calls.some(({ name }) => name === 'presence.startNow'));
  }));

test('on a phone nothing scrolls sideways, and everything can be hit', async () => {
  for (const language of ['en', 'de'] as const) {
    const { page, go, close } = await pages.open({ width: 320, language });
    try {
      await page.locator(`html[lang=${language}]`).waitFor();
      for (const path of ['', 'more', 'nowhere', 'welcome/1', 'welcome/2', 'welcome/3']) {
        await go(path);
        const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(scroll <= 320, `${path}: ${scroll}`);
        const small = await page.locator('a:visible, button:visible, label:visible').evaluateAll(
          (all, target) =>
            all
              .filter((each) => !each.closest('.for-readers, .skip') && !each.classList.contains('fact'))
              .map((each) => ({ text: each.textContent, box: each.getBoundingClientRect() }))
              .filter(({ box }) => box.width > 0 && (box.width < target || box.height < target))
              .map(({ text }) => text),
          TARGET_PX,
        );
        assert.deepEqual(small, [], path);
      }
    } finally {
      await close();
    }
  }
});
