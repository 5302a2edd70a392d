/** What the tray shows for a state: pure, so that every reason is provably answered in every language. */
import type { AgentState } from '../../shared/api/state.ts';
import { formatUnits } from '../../shared/money.ts';
import type { PauseUntil } from '../../shared/presence.ts';
import type { SecretTask } from '../../shared/secret-window.ts';
import type { SettingsPatch } from '../../shared/settings.ts';
import {
  REMEDY_SETTINGS,
  type SettingRemedy,
  type Status,
  type StatusReason,
  statusOf,
} from '../../shared/status.ts';
import { type Language, moneyText, say, type Word } from './words.ts';

/** Each has an icon whose shape alone tells it. */
export type TrayIcon = Status;

export type TrayItem =
  | { readonly kind: 'text'; readonly label: string }
  | { readonly kind: 'line' }
  | { readonly kind: 'action'; readonly label: string; readonly action: TrayAction }
  | { readonly kind: 'menu'; readonly label: string; readonly items: readonly TrayItem[] };

export type TrayAction =
  | { readonly type: 'open' | 'quit' | 'resume' }
  | { readonly type: 'pause'; readonly until: PauseUntil }
  /** What mends the reason for not working. */
  | { readonly type: 'change'; readonly patch: SettingsPatch }
  | { readonly type: 'secret'; readonly task: SecretTask };

export interface TrayView {
  readonly icon: TrayIcon;
  /** One sentence: what the machine does now and why. */
  readonly sentence: string;
  readonly items: readonly TrayItem[];
}

const PAUSES: readonly { until: PauseUntil; word: Word }[] = [
  { until: '30-minutes', word: 'pause30' },
  { until: '1-hour', word: 'pause60' },
  { until: '2-hours', word: 'pause120' },
  { until: 'tomorrow', word: 'pauseTomorrow' },
  { until: 'resume', word: 'pauseResume' },
];

const SECRETS: readonly { task: SecretTask; word: Word }[] = [
  { task: 'backup', word: 'backUp' },
  { task: 'export', word: 'saveKeyFile' },
  { task: 'import', word: 'bringWallet' },
];

/** `starting` and `gone` are the shell's own knowledge while no agent answers. */
export function trayView(state: AgentState | 'starting' | 'gone', language: Language): TrayView {
  const open: TrayItem = { kind: 'action', label: say(language, 'open'), action: { type: 'open' } };
  const quit: TrayItem = { kind: 'action', label: say(language, 'quit'), action: { type: 'quit' } };
  if (state === 'starting' || state === 'gone') {
    const sentence = say(language, state === 'starting' ? 'connecting' : 'gone');
    return {
      icon: state === 'starting' ? 'starting' : 'stopped',
      sentence,
      items: [{ kind: 'text', label: sentence }, { kind: 'line' }, open, { kind: 'line' }, quit],
    };
  }
  const { icon, sentence } = presenceView(state, language);
  const cost = costPerHour(state, language);
  const pauses: TrayItem = {
    kind: 'menu',
    label: say(language, 'pause'),
    items: PAUSES.map(({ until, word }) => ({
      kind: 'action',
      label: say(language, word),
      action: { type: 'pause', until },
    })),
  };
  const wallet: TrayItem = {
    kind: 'menu',
    label: say(language, 'wallet'),
    items: SECRETS.map(({ task, word }) => ({
      kind: 'action',
      label: say(language, word),
      action: { type: 'secret', task },
    })),
  };
  const resume: TrayItem = { kind: 'action', label: say(language, 'resume'), action: { type: 'resume' } };
  return {
    icon,
    sentence,
    items: [
      { kind: 'text', label: sentence },
      ...(cost === null ? [] : [cost]),
      { kind: 'text', label: earnedToday(state, language) },
      { kind: 'line' },
      ...(icon === 'paused' ? [resume] : []),
      ...fixes(state, language),
      pauses,
      wallet,
      { kind: 'line' },
      open,
      quit,
    ],
  };
}

/** The reason is the pages' own; the tray has shorter words for it. */
const WHY: Readonly<Record<Exclude<StatusReason, 'serving-idle' | 'serving-always'>, Word>> = {
  'ready-idle': 'ready',
  'ready-always': 'ready',
  'engine-loading': 'loading',
  'engine-restarting': 'restarting',
  'engine-stopped': 'loading',
  'engine-gave-up': 'engineGaveUp',
  'paused-until-time': 'pausedUntil',
  'paused-until-resume': 'paused',
  'owner-active': 'ownerActive',
  'on-battery': 'onBattery',
  'too-warm': 'tooWarm',
  'too-much-power': 'tooMuchPower',
  'too-hot': 'tooHot',
  'lid-closed': 'lidClosed',
  metered: 'metered',
  'outside-schedule': 'outsideSchedule',
  'outside-off-peak': 'powerDear',
  'no-scheduled-hour': 'noScheduledHour',
  'no-off-peak-hour': 'noCheapHour',
  'not-locked': 'notLocked',
  'remote-session': 'remoteSession',
  'controller-in-use': 'controllerInUse',
  'full-screen': 'fullScreen',
  'display-kept-awake': 'displayKeptAwake',
  'graphics-in-use': 'graphicsInUse',
  'processor-in-use': 'processorInUse',
  'session-unknown': 'sessionUnknown',
  'no-model': 'noModel',
  starting: 'connecting',
};

/** The pages' own remedies, in their words; those that a choice belongs to are made on a page. */
const MENDS: Readonly<Record<SettingRemedy, Word>> = {
  'run-on-battery': 'mendBattery',
  'run-on-metered': 'mendMetered',
  'run-unlocked': 'mendUnlocked',
  'run-any-hour': 'mendAnyHour',
  'run-any-tariff': 'mendAnyTariff',
  'ignore-full-screen': 'mendFullScreen',
  'ignore-display-awake': 'mendDisplayAwake',
  'ignore-other-programs': 'mendOtherPrograms',
  'run-always': 'mendAlways',
};

function fixes(state: AgentState, language: Language): TrayItem[] {
  const { remedy } = statusOf(state.work);
  if (remedy === null || remedy === 'open-models' || remedy === 'open-settings') return [];
  const action: TrayAction = { type: 'change', patch: REMEDY_SETTINGS[remedy] };
  return [{ kind: 'action', label: say(language, MENDS[remedy]), action }];
}

/** Null while it works, and until an hour of work has shown what one brings. */
function costPerHour(state: AgentState, language: Language): TrayItem | null {
  const { status } = statusOf(state.work);
  const { perHour } = state.work;
  if (perHour === null || (status !== 'waiting' && status !== 'paused' && status !== 'stopped')) return null;
  const amount = moneyText(state.money.asset, perHour.earned, language);
  return { kind: 'text', label: say(language, 'costPerHour', { amount }) };
}

function presenceView(state: AgentState, language: Language): { icon: TrayIcon; sentence: string } {
  const { status, why } = statusOf(state.work);
  if (why === 'serving-idle' || why === 'serving-always') {
    return { icon: status, sentence: serving(state, language) };
  }
  const { untilMs } = state.work.presence;
  const time = untilMs === null ? '' : timeText(untilMs, language);
  return { icon: status, sentence: say(language, WHY[why], { time }) };
}

function serving(state: AgentState, language: Language): string {
  const { activeJobs, tokensPerSecond } = state.work;
  const count = String(activeJobs.length);
  const text = say(language, state.money.asset.practice ? 'practising' : 'earning', {
    count: activeJobs.length === 1 ? say(language, 'oneJob') : say(language, 'jobs', { count }),
  });
  if (tokensPerSecond === null) return text;
  const speed = new Intl.NumberFormat(language, { maximumFractionDigits: 0 }).format(tokensPerSecond);
  return say(language, 'withSpeed', { text, speed });
}

function earnedToday(state: AgentState, language: Language): string {
  const { asset, earnedToday: earned } = state.money;
  const plain = formatUnits(BigInt(earned), asset.decimals) as `${number}`;
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: asset.decimals }).format(plain);
  const word = asset.practice ? 'earnedTodayPractice' : 'earnedToday';
  return say(language, word, { amount: `${number} ${asset.symbol}` });
}

function timeText(atMs: number, language: Language): string {
  const format: Intl.DateTimeFormatOptions = { hour: 'numeric', minute: '2-digit' };
  if (new Date(atMs).toDateString() !== new Date().toDateString()) format.weekday = 'short';
  return new Intl.DateTimeFormat(language, format).format(atMs);
}
