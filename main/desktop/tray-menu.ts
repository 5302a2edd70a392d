/** The tray's icon, sentence and menu for a state. Pure, so that a test can check every reason in every language. */
import type { AgentState } from '../../shared/api/state.ts';
import { type PauseUntil, type StartFor, startForSchema } from '../../shared/presence.ts';
import type { SecretTask } from '../../shared/secret-window.ts';
import type { SettingsPatch } from '../../shared/settings.ts';
import { REMEDY_SETTINGS, type Status, statusOf, waitsForOwner } from '../../shared/status.ts';
import { type Language, text } from '../../shared/strings/index.ts';
import { exactNumber, moneyText } from './money-text.ts';
import type { ShownState } from './shell-state.ts';

/** Each status has an icon that its shape alone identifies. */
export type TrayIcon = Status;

export type TrayItem =
  | { readonly kind: 'text'; readonly label: string }
  | { readonly kind: 'separator' }
  | { readonly kind: 'action'; readonly label: string; readonly action: TrayAction }
  | { readonly kind: 'menu'; readonly label: string; readonly items: readonly TrayItem[] };

export type TrayAction =
  | { readonly type: 'open' | 'quit' | 'resume' | 'end-start' }
  | { readonly type: 'pause'; readonly until: PauseUntil }
  | { readonly type: 'start'; readonly duration: StartFor }
  /** Changes the setting that keeps Idlewatt from running. */
  | { readonly type: 'change'; readonly patch: SettingsPatch }
  | { readonly type: 'secret'; readonly task: SecretTask };

export interface TrayView {
  readonly icon: TrayIcon;
  /** One sentence: what the machine does now and why. */
  readonly sentence: string;
  readonly items: readonly TrayItem[];
}

const PAUSES: readonly PauseUntil[] = ['30-minutes', '1-hour', '2-hours', 'tomorrow', 'resume'];
const SECRET_TASKS: readonly SecretTask[] = ['backup', 'export', 'import'];

export function trayView(state: ShownState, language: Language): TrayView {
  const open: TrayItem = { kind: 'action', label: text(language, 'tray.open'), action: { type: 'open' } };
  const quit: TrayItem = { kind: 'action', label: text(language, 'tray.quit'), action: { type: 'quit' } };
  if (state === 'starting' || state === 'gone') {
    const sentence = text(language, state === 'starting' ? 'whyShort.starting' : 'tray.gone');
    return {
      icon: state === 'starting' ? 'starting' : 'stopped',
      sentence,
      items: [{ kind: 'text', label: sentence }, { kind: 'separator' }, open, { kind: 'separator' }, quit],
    };
  }
  const { icon, sentence } = presenceView(state, language);
  return {
    icon,
    sentence,
    items: [
      { kind: 'text', label: sentence },
      ...costPerHour(state, language),
      { kind: 'text', label: earnedToday(state, language) },
      { kind: 'separator' },
      ...(icon === 'paused' ? [resumeItem(language)] : []),
      ...fixes(state, language),
      ...startMenu(state, language),
      pauseMenu(language),
      walletMenu(language),
      { kind: 'separator' },
      open,
      quit,
    ],
  };
}

function resumeItem(language: Language): TrayItem {
  return { kind: 'action', label: text(language, 'pause.resume'), action: { type: 'resume' } };
}

/** Offered while Idlewatt waits for its owner, and while it runs by their start. */
function startMenu({ work }: AgentState, language: Language): TrayItem[] {
  const { reason } = work.presence;
  const isStarted = reason === 'started-by-owner';
  if (!isStarted && !waitsForOwner(reason)) return [];
  const starts = startForSchema.options.map(
    (duration): TrayItem => ({
      kind: 'action',
      label: text(language, `pause.startFor.${duration}`),
      action: { type: 'start', duration },
    }),
  );
  const end: TrayItem = {
    kind: 'action',
    label: text(language, 'pause.endStart'),
    action: { type: 'end-start' },
  };
  const label = text(language, 'settings.runNow');
  return [{ kind: 'menu', label, items: isStarted ? [...starts, end] : starts }];
}

function pauseMenu(language: Language): TrayItem {
  return {
    kind: 'menu',
    label: text(language, 'pause.pause'),
    items: PAUSES.map((until) => ({
      kind: 'action',
      label: text(language, `pause.until.${until}`),
      action: { type: 'pause', until },
    })),
  };
}

function walletMenu(language: Language): TrayItem {
  return {
    kind: 'menu',
    label: text(language, 'nav.wallet'),
    items: SECRET_TASKS.map((task) => ({
      kind: 'action',
      label: text(language, `backup.open.${task}`),
      action: { type: 'secret', task },
    })),
  };
}

/** Remedies that change one setting; those that need a choice are only on a page. */
function fixes(state: AgentState, language: Language): TrayItem[] {
  const { remedy } = statusOf(state.work);
  if (remedy === null || remedy === 'open-models' || remedy === 'open-settings') return [];
  const action: TrayAction = { type: 'change', patch: REMEDY_SETTINGS[remedy] };
  return [{ kind: 'action', label: text(language, `remedy.${remedy}`), action }];
}

/** Empty while Idlewatt works, and until an hour of work has shown what an hour earns. */
function costPerHour(state: AgentState, language: Language): TrayItem[] {
  const { status } = statusOf(state.work);
  const { perHour } = state.work;
  if (perHour === null || (status !== 'waiting' && status !== 'paused' && status !== 'stopped')) return [];
  const amount = moneyText(state.money.asset, perHour.earned, language);
  return [{ kind: 'text', label: text(language, 'tray.costPerHour', { amount }) }];
}

function presenceView(state: AgentState, language: Language): { icon: TrayIcon; sentence: string } {
  const { status, why } = statusOf(state.work);
  if (why === 'serving-idle' || why === 'serving-always' || why === 'serving-started') {
    return { icon: status, sentence: serving(state, language) };
  }
  const { untilMs } = state.work.presence;
  const time = untilMs === null ? '' : timeText(untilMs, language);
  return { icon: status, sentence: text(language, `whyShort.${why}`, { time }) };
}

function serving(state: AgentState, language: Language): string {
  const { activeJobs, tokensPerSecond } = state.work;
  const key = state.money.asset.practice ? 'tray.practising' : 'tray.earning';
  const sentence = text(language, key, { count: activeJobs.length });
  if (tokensPerSecond === null) return sentence;
  const speed = new Intl.NumberFormat(language, { maximumFractionDigits: 0 }).format(tokensPerSecond);
  return text(language, 'tray.withSpeed', { text: sentence, speed });
}

function earnedToday({ money }: AgentState, language: Language): string {
  const { asset } = money;
  const amount = `${exactNumber(asset, money.earnedToday, language)} ${asset.symbol}`;
  return text(language, asset.practice ? 'tray.earnedTodayPractice' : 'tray.earnedToday', { amount });
}

function timeText(atMs: number, language: Language): string {
  const format: Intl.DateTimeFormatOptions = { hour: 'numeric', minute: '2-digit' };
  if (new Date(atMs).toDateString() !== new Date().toDateString()) format.weekday = 'short';
  return new Intl.DateTimeFormat(language, format).format(atMs);
}
