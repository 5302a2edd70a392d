/** Settings that an owner can set for all machines of the private network, in groups that are set together. */
import { z } from 'zod';
import { type Settings, settingsSchema } from './settings.ts';

export const RULE_GROUPS = ['running', 'schedule', 'intensity', 'jobs', 'models'] as const;
export const ruleGroupSchema = z.enum(RULE_GROUPS);
export type RuleGroup = z.infer<typeof ruleGroupSchema>;

/** The settings of each group. Prices are left out, because nothing is paid there. */
export const RULED_SETTINGS = {
  running: [
    'runWhen',
    'idleMinutes',
    'runOnBattery',
    'runOnMetered',
    'onlyWhenLocked',
    'pauseForFullScreen',
    'pauseForDisplayAwake',
    'pauseForOtherPrograms',
  ],
  schedule: ['scheduleOn', 'schedule', 'onlyOffPeakHours', 'offPeakHours'],
  intensity: ['comfort', 'wattsMax'],
  jobs: ['categoriesOff', 'jobPreference', 'jobSourceOrder'],
  models: ['modelMemoryBytesMax', 'modelIdleMinutes', 'modelBudgetBytes'],
} as const satisfies Readonly<Record<RuleGroup, readonly (keyof Settings)[]>>;

type Ruled = (typeof RULED_SETTINGS)[RuleGroup][number];

const shape = Object.fromEntries(
  RULE_GROUPS.flatMap((group) => RULED_SETTINGS[group]).map((name) => [name, settingsSchema.shape[name]]),
) as Pick<typeof settingsSchema.shape, Ruled>;

/** Values for all machines. A setting that isn't named is each machine's own. */
export const machineRulesSchema = z.object(shape).partial();
export type MachineRules = z.infer<typeof machineRulesSchema>;

/** Returns the groups of which something is set. */
export function ruledGroups(rules: MachineRules): readonly RuleGroup[] {
  return RULE_GROUPS.filter((group) => RULED_SETTINGS[group].some((name) => rules[name] !== undefined));
}

/** Returns the group's settings out of all. */
export function rulesOf(group: RuleGroup, settings: Settings): MachineRules {
  return Object.fromEntries(RULED_SETTINGS[group].map((name) => [name, settings[name]])) as MachineRules;
}
