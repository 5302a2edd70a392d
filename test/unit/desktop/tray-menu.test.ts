// Verifies: the tray shows what the machine does and why, for every reason, in both languages, and only known figures.
// Setup: a scripted state with every reason and every state of the engine.
// Fails if: a reason has no sentence or a placeholder is left in it; a pause can't be resumed; real and practice money
//   look the same; a start for a time is missing or offered where it doesn't help; Quit doesn't mention that earning stops; a remedy of the pages is missing, changes something else,
//   or is offered where it needs a choice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TrayItem, trayView } from '../../../main/desktop/tray-menu.ts';
import type { AgentState } from '../../../shared/api/state.ts';
import { presenceReasonSchema, startForSchema } from '../../../shared/presence.ts';
import { REMEDY_SETTINGS, statusOf } from '../../../shared/status.ts';
import { languageFor, text } from '../../../shared/strings/index.ts';
import { scriptFor } from '../../fakes/agent-script.ts';

const busy = scriptFor('busy', Date.UTC(2026, 10, 23, 12)).state;
const work = (patch: Partial<AgentState['work']>): AgentState => ({
  ...busy,
  work: { ...busy.work, ...patch },
});
const presence = (reason: AgentState['work']['presence']['reason'], untilMs: number | null = null) => ({
  decision: reason === 'idle' || reason === 'always-on' ? ('run' as const) : ('pause' as const),
  reason,
  sinceMs: 0,
  untilMs,
});
const labels = (items: readonly TrayItem[]) => items.flatMap((item) => ('label' in item ? [item.label] : []));

test('every reason and engine state has a complete sentence in every language', () => {
  const engines = ['stopped', 'loading', 'ready', 'restarting', 'gave-up'] as const;
  for (const language of ['en', 'de'] as const) {
    const sentences = presenceReasonSchema.options.flatMap((reason) =>
      engines.map((engine) => trayView(work({ presence: presence(reason), engine }), language).sentence),
    );
    for (const sentence of sentences) assert.match(sentence, /^[^{}]{5,}\.$/);
    assert.ok(new Set(sentences).size >= presenceReasonSchema.options.length);
  }
});

test('the icon follows the state: bolt, hollow bolt, clock, bars, dots, exclamation mark', () => {
  const idle = presence('idle');
  assert.equal(trayView(work({ presence: idle, engine: 'ready' }), 'en').icon, 'earning');
  assert.equal(trayView(work({ presence: idle, engine: 'ready', activeJobs: [] }), 'en').icon, 'ready');
  assert.equal(trayView(work({ presence: presence('owner-active') }), 'en').icon, 'waiting');
  assert.equal(trayView(work({ presence: presence('paused-by-owner') }), 'en').icon, 'paused');
  assert.equal(trayView('starting', 'en').icon, 'starting');
  assert.equal(trayView('gone', 'en').icon, 'stopped');
});

test('an unknown speed is omitted, not shown as 0', () => {
  const view = trayView(work({ presence: presence('idle'), engine: 'ready', tokensPerSecond: null }), 'en');
  assert.equal(view.sentence, 'Earning practice money: 2 jobs running.');
});

test('Resume is offered during a pause only; Open and Quit always', () => {
  const paused = labels(trayView(work({ presence: presence('paused-by-owner') }), 'en').items);
  const running = labels(trayView(work({ presence: presence('idle') }), 'en').items);
  assert.ok(paused.includes('Resume'));
  assert.ok(!running.includes('Resume'));
  for (const shown of [paused, running, labels(trayView('gone', 'en').items)]) {
    assert.ok(shown.includes('Open Idlewatt'));
    assert.ok(shown.includes('Quit Idlewatt (earning stops)'));
  }
});

test('a start for a time is offered while Idlewatt waits for its owner, and its end while it runs by that', () => {
  const offered = (reason: AgentState['work']['presence']['reason']) =>
    trayView(work({ presence: presence(reason), engine: 'ready' }), 'en').items.flatMap((item) =>
      item.kind === 'menu' && item.label === 'Run while you use the machine' ? [item.items] : [],
    );
  const starts = startForSchema.options.map((duration) => ({ type: 'start', duration }));
  const actions = (items: readonly TrayItem[]) =>
    items.map((item) => (item.kind === 'action' ? item.action : item));
  assert.deepEqual(offered('owner-active').map(actions), [starts]);
  assert.deepEqual(offered('started-by-owner').map(actions), [[...starts, { type: 'end-start' }]]);
  for (const reason of ['idle', 'on-battery', 'paused-by-owner'] as const)
    assert.deepEqual(offered(reason), []);
});

test('a remedy that is one setting is offered in the tray, with the change and the label of the pages', () => {
  const pressed = new Set<string>();
  const states = presenceReasonSchema.options.map((reason) => ({ presence: presence(reason) }));
  const withoutSource = { ...{ presence: presence('idle'), activeJobs: [] }, hasJobSource: false };
  for (const changed of [...states, withoutSource]) {
    const state = work({ ...changed, engine: 'ready' });
    const { remedy, why } = statusOf(state.work);
    const isOnPage = remedy === null || remedy === 'open-models' || remedy === 'open-settings';
    for (const language of ['en', 'de'] as const) {
      const offered = trayView(state, language).items.flatMap((item) =>
        item.kind === 'action' && item.action.type === 'change'
          ? [{ ...item.action, label: item.label }]
          : [],
      );
      if (!isOnPage) pressed.add(remedy);
      const label = isOnPage ? '' : text(language, `remedy.${remedy}`);
      const wanted = isOnPage ? [] : [{ type: 'change', patch: REMEDY_SETTINGS[remedy], label }];
      assert.deepEqual(offered, wanted, `${why} in ${language}`);
    }
  }
  assert.deepEqual([...pressed].sort(), Object.keys(REMEDY_SETTINGS).sort());
});

test('the cost of waiting is shown where it is known, and only while Idlewatt isn’t earning', () => {
  const perHour = { earned: '1840', hours: 31.5 };
  const cost = 'Waiting costs about 0.00184 practice USDC per hour';
  const shown = (patch: Partial<AgentState['work']>) =>
    labels(trayView(work({ perHour, ...patch }), 'en').items);
  assert.ok(shown({ presence: presence('on-battery') }).includes(cost));
  assert.ok(shown({ presence: presence('paused-by-owner') }).includes(cost));
  assert.ok(!shown({ presence: presence('idle'), engine: 'ready' }).includes(cost));
  const unknown = shown({ presence: presence('on-battery'), perHour: null });
  assert.ok(!unknown.some((label) => label.startsWith('Waiting costs')));
});

test('earnings are exact, and practice money is labeled', () => {
  const money = (practice: boolean): AgentState => ({
    ...busy,
    money: {
      ...busy.money,
      earnedToday: '1234567',
      asset: { id: 'a', symbol: 'USDC', decimals: 6, practice },
    },
  });
  assert.ok(
    labels(trayView(money(true), 'en').items).includes('Earned today: 1.234567 USDC (practice money)'),
  );
  assert.ok(labels(trayView(money(false), 'en').items).includes('Earned today: 1.234567 USDC'));
});

test('the language is the owner’s choice, else the first of the system’s that there is', () => {
  assert.equal(languageFor('de', ['en-US']), 'de');
  assert.equal(languageFor('system', ['de-AT']), 'de');
  assert.equal(languageFor('system', ['es-MX']), 'es');
  assert.equal(languageFor('system', ['it-IT', 'de_DE.UTF-8']), 'de');
  assert.equal(languageFor('system', ['it-IT']), 'en');
  assert.equal(languageFor('system', []), 'en');
});
