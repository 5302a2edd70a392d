/** The state of one of the owner's machines by shape and word, and its reason. */
import type { ShownMachine } from '../../shared/machines.ts';
import type { PresenceReason } from '../../shared/presence.ts';
import type { IconName } from '../parts/icon.tsx';
import type { Tone } from '../parts/tag.tsx';

/** In the order in which the picture of all machines shows them. */
export const MACHINE_STATES = ['working', 'ready', 'waiting', 'paused', 'down'] as const;
export type MachineState = (typeof MACHINE_STATES)[number];

export const STATE_LOOKS: Readonly<Record<MachineState, { readonly tone: Tone; readonly icon: IconName }>> = {
  working: { tone: 'good', icon: 'bolt' },
  ready: { tone: 'rest', icon: 'bolt' },
  waiting: { tone: 'wait', icon: 'person' },
  paused: { tone: 'rest', icon: 'pause' },
  down: { tone: 'bad', icon: 'warning' },
};

export function stateOf({ isConnected, report }: ShownMachine): MachineState {
  if (!isConnected || report === null) return 'down';
  const { decision, reason } = report.presence;
  if (reason === 'paused-by-owner') return 'paused';
  if (decision === 'pause' || report.engine !== 'ready') return report.jobs > 0 ? 'working' : 'waiting';
  return report.jobs > 0 ? 'working' : 'ready';
}

/** Reasons of another machine in a few words. */
export type ToldReason =
  | 'inUse'
  | 'battery'
  | 'lid'
  | 'metered'
  | 'hours'
  | 'hot'
  | 'disk'
  | 'nothing'
  | 'starting'
  | 'unknown';

const TOLD: Readonly<Partial<Record<PresenceReason, ToldReason>>> = {
  'owner-active': 'inUse',
  'not-locked': 'inUse',
  'remote-session': 'inUse',
  'controller-in-use': 'inUse',
  'full-screen': 'inUse',
  'display-kept-awake': 'inUse',
  'graphics-in-use': 'inUse',
  'processor-in-use': 'inUse',
  'other-user': 'inUse',
  'on-battery': 'battery',
  'lid-closed': 'lid',
  metered: 'metered',
  'outside-schedule': 'hours',
  'outside-off-peak': 'hours',
  'too-hot': 'hot',
  'disk-full': 'disk',
  'disk-unwritable': 'disk',
  'database-lost': 'disk',
  'database-damaged': 'disk',
  'no-model': 'nothing',
  'engine-gave-up': 'nothing',
  unconfined: 'nothing',
  'processor-off': 'nothing',
  'session-unknown': 'unknown',
};

/** Null where the state says it all. */
export function reasonOf(machine: ShownMachine): ToldReason | null {
  const { report } = machine;
  if (report === null || stateOf(machine) !== 'waiting') return null;
  if (report.presence.decision !== 'pause') return 'starting';
  return TOLD[report.presence.reason] ?? 'starting';
}
