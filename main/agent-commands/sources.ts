/** `sources order`: which source's jobs come first, for machines without a window. */
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import { JOB_SOURCES, jobSourceOrderSchema } from '../../shared/job-sources.ts';
import type { Settings, SettingsPatch } from '../../shared/settings.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { readState, withRunningAgent } from './running-agent.ts';

const BY_PAY = 'pay';

export const order: CommandRun = async (argv) => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { home: { type: 'string' } },
    allowPositionals: true,
  });
  const patch = orderPatch(positionals);
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    if (patch !== null) await api.settings.change(patch);
    console.log(orderText((await readState(api)).settings));
    return 0;
  });
};

/** Returns the settings as typed; null if nothing was. Fails with `bad-request`. */
export function orderPatch([typed, ...rest]: readonly string[]): SettingsPatch | null {
  if (typed === undefined) return null;
  if (typed === BY_PAY && rest.length === 0) return { jobPreference: 'pay' };
  const parsed = jobSourceOrderSchema.safeParse(typed.split(','));
  if (parsed.success && rest.length === 0) return { jobPreference: 'own', jobSourceOrder: parsed.data };
  throw new AppError('bad-request', `Use "${BY_PAY}", or each source once: ${JOB_SOURCES.join(',')}.`);
}

/** Returns what {@link orderPatch} reads. */
export function orderText({
  jobPreference,
  jobSourceOrder,
}: Pick<Settings, 'jobPreference' | 'jobSourceOrder'>): string {
  return jobPreference === 'pay' ? BY_PAY : jobSourceOrder.join(',');
}
