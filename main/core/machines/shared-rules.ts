/**
 * Applies the settings that an owner set for all machines to this one, also while it is off the network: they come from
 * the stored lists. On an owner's machine a change of such a setting is one for all machines.
 */
import {
  type MachineRules,
  machineRulesSchema,
  RULED_SETTINGS,
  type RuleGroup,
  rulesOf,
} from '../../../shared/machine-rules.ts';
import type { Settings, SettingsPatch } from '../../../shared/settings.ts';
import type { SettingsService } from '../settings/index.ts';
import type { MachineRoster } from './roster.ts';

export interface SharedRules {
  /** Changes settings here, and for all machines those that are set for all. Fails like `SettingsService.change`. */
  change(patch: SettingsPatch): Promise<Settings>;
  /**
   * Sets a group of settings for all machines as it is here, or leaves it to each machine again. Fails with
   * `not-permitted` at a machine that isn't an owner.
   */
  share(group: RuleGroup, isShared: boolean): Promise<void>;
  stop(): void;
}

export interface SharedRulesParts {
  readonly roster: Pick<MachineRoster, 'onChange' | 'roleOf' | 'rules' | 'setRules'>;
  /** This machine's peer ID. */
  readonly own: string;
  readonly settings: Pick<SettingsService, 'change' | 'get' | 'rule'>;
}

export function createSharedRules({ roster, own, settings }: SharedRulesParts): SharedRules {
  /** A machine that was removed is its user's again. */
  const apply = () => settings.rule(roster.roleOf(own) === null ? {} : roster.rules());
  apply();
  const stop = roster.onChange(apply);
  return {
    stop,
    async change(patch) {
      const rules = roster.rules();
      const isRuled = (name: string) => name in rules;
      const entries = Object.entries(patch);
      const ruled = entries.filter(([name]) => isRuled(name));
      if (ruled.length === 0 || roster.roleOf(own) !== 'owner') return settings.change(patch);
      const values = machineRulesSchema.safeParse({ ...rules, ...Object.fromEntries(ruled) });
      // What is wrong with them is reported as for this machine's own.
      if (!values.success) return settings.change(patch);
      settings.change(Object.fromEntries(entries.filter(([name]) => !isRuled(name))));
      await roster.setRules(values.data);
      return settings.get();
    },
    async share(group, isShared) {
      const names: readonly string[] = RULED_SETTINGS[group];
      const others = Object.entries(roster.rules()).filter(([name]) => !names.includes(name));
      const shared = isShared ? rulesOf(group, settings.get()) : {};
      await roster.setRules({ ...(Object.fromEntries(others) as MachineRules), ...shared });
    },
  };
}
