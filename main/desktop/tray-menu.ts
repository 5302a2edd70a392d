/** What the tray shows for a state: pure, so that every reason is provably answered in every language. */
import type { AgentState } from '../../shared/api/state.ts';
import { assertNever } from '../../shared/assert.ts';
import { formatUnits } from '../../shared/money.ts';
import type { PauseUntil } from '../../shared/presence.ts';
import type { SecretTask } from '../../shared/secret-window.ts';
import { type Language, say, type Word } from './words.ts';

/** Each has an icon whose shape alone tells it. */
export type TrayIcon = 'earning' | 'ready' | 'waiting' | 'paused' | 'starting' | 'stopped';

export type TrayItem =
  | { readonly kind: 'text'; readonly label: string }
  | { readonly kind: 'line' }
  | { readonly kind: 'action'; readonly label: string; readonly action: TrayAction }
  | { readonly kind: 'menu'; readonly label: string; readonly items: readonly TrayItem[] };

export type TrayAction =
  | { readonly type: 'open' | 'quit' | 'resume' }
  | { readonly type: 'pause'; readonly until: PauseUntil }
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
      { kind: 'text', label: earnedToday(state, language) },
      { kind: 'line' },
      ...(icon === 'paused' ? [resume] : []),
      pauses,
      wallet,
      { kind: 'line' },
      open,
      quit,
    ],
  };
}

function presenceView(state: AgentState, language: Language): { icon: TrayIcon; sentence: string } {
  const { presence } = state.work;
  const shown = (icon: TrayIcon, word: Word, values: Record<string, string> = {}) => ({
    icon,
    sentence: say(language, word, values),
  });
  switch (presence.reason) {
    case 'paused-by-owner':
      return presence.untilMs === null
        ? shown('paused', 'paused')
        : shown('paused', 'pausedUntil', { time: timeText(presence.untilMs, language) });
    case 'owner-active':
      return shown('waiting', 'ownerActive');
    case 'on-battery':
      return shown('waiting', 'onBattery');
    case 'session-unknown':
      return shown('waiting', 'sessionUnknown');
    case 'no-model':
      return shown('waiting', 'noModel');
    case 'engine-gave-up':
      return shown('stopped', 'engineGaveUp');
    case 'starting':
      return shown('starting', 'connecting');
    case 'idle':
    case 'always-on':
      return runningView(state, language);
    default:
      return assertNever(presence.reason);
  }
}

function runningView(state: AgentState, language: Language): { icon: TrayIcon; sentence: string } {
  const { engine, activeJobs, tokensPerSecond } = state.work;
  switch (engine) {
    case 'gave-up':
      return { icon: 'stopped', sentence: say(language, 'engineGaveUp') };
    case 'restarting':
      return { icon: 'starting', sentence: say(language, 'restarting') };
    case 'loading':
    case 'stopped':
      return { icon: 'starting', sentence: say(language, 'loading') };
    case 'ready':
      break;
    default:
      return assertNever(engine);
  }
  if (activeJobs.length === 0) return { icon: 'ready', sentence: say(language, 'ready') };
  const count = String(activeJobs.length);
  const text = say(language, state.money.asset.practice ? 'practising' : 'earning', {
    count: activeJobs.length === 1 ? say(language, 'oneJob') : say(language, 'jobs', { count }),
  });
  if (tokensPerSecond === null) return { icon: 'earning', sentence: text };
  const speed = new Intl.NumberFormat(language, { maximumFractionDigits: 0 }).format(tokensPerSecond);
  return { icon: 'earning', sentence: say(language, 'withSpeed', { text, speed }) };
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
