/** `horde show`, `horde key` and `horde set`: the worker for the AI Horde, for machines without a window. */
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import { type HordeState, hordeKeySchema, kudosAsset, suggestedHordeName } from '../../shared/horde.ts';
import { formatUnits } from '../../shared/money.ts';
import type { SettingsPatch } from '../../shared/settings.ts';
import { text } from '../../shared/strings/index.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { askSecret } from './prompt.ts';
import { readState, withRunningAgent } from './running-agent.ts';

const HOME = { home: { type: 'string' } } as const;

export const show: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { ...HOME, json: { type: 'boolean', default: false } },
  });
  const { horde } = await withRunningAgent(existingHome(values.home).root, readState);
  if (values.json) console.log(JSON.stringify(horde));
  else for (const line of hordeLines(horde)) console.log(line);
  return 0;
};

export const key: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: HOME });
  const home = existingHome(values.home).root;
  const typed = (await askSecret('API key of the AI Horde (empty to remove it): ')).trim();
  const parsed = typed === '' ? null : hordeKeySchema.safeParse(typed);
  if (parsed !== null && !parsed.success) {
    throw new AppError('bad-request', 'This can’t be an API key. Nothing was changed.');
  }
  return withRunningAgent(home, async (api) => {
    await api.horde.setKey({ key: parsed === null ? null : parsed.data });
    console.log(parsed === null ? 'Removed.' : 'Stored.');
    return 0;
  });
};

const CHOICES = {
  on: { type: 'boolean' },
  off: { type: 'boolean' },
  model: { type: 'string', multiple: true },
  name: { type: 'string' },
  url: { type: 'string' },
  nsfw: { type: 'string' },
} as const;

export const set: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: { ...HOME, ...CHOICES } });
  const { home, ...typed } = values;
  const patch = hordePatch(typed);
  return withRunningAgent(existingHome(home).root, async (api) => {
    await api.settings.change(patch);
    for (const line of hordeLines((await readState(api)).horde)) console.log(line);
    return 0;
  });
};

interface Typed {
  readonly on?: boolean | undefined;
  readonly off?: boolean | undefined;
  readonly model?: readonly string[] | undefined;
  readonly name?: string | undefined;
  readonly url?: string | undefined;
  readonly nsfw?: string | undefined;
}

/** Returns the settings as typed. Fails with `bad-request`. */
export function hordePatch({ on, off, model, name, url, nsfw }: Typed): SettingsPatch {
  if (on && off) throw new AppError('bad-request', 'Use --on or --off.');
  if (nsfw !== undefined && nsfw !== 'yes' && nsfw !== 'no') {
    throw new AppError('bad-request', 'Use --nsfw yes or --nsfw no.');
  }
  return {
    ...((on || off) && { hordeOn: on === true }),
    ...(model !== undefined && { hordeModels: model.map(modelOf) }),
    ...(name !== undefined && { hordeWorkerName: name }),
    ...(url !== undefined && { hordeUrl: url === 'default' ? null : url }),
    ...(nsfw !== undefined && { hordeNsfw: nsfw === 'yes' }),
  };
}

function modelOf(typed: string): { id: string; name: string } {
  const [id = '', name = suggestedHordeName(id)] = typed.split('=', 2);
  return { id, name };
}

/** Lines of `horde show`. */
export function hordeLines(horde: HordeState): string[] {
  const { host, state, message, skipped, models, kudos, dropped, workerName } = horde;
  const { decimals } = kudosAsset('');
  return [
    text('en', `horde.state.${state}`),
    ...(message === null ? [] : [`The server’s words: ${message}`]),
    ...skipped.map(({ reason, jobs }) => text('en', `horde.skipped.${reason}`, { number: jobs })),
    `Server: ${host ?? 'none'}, worker: ${workerName}`,
    ...models.map(
      ({ id, name, answerTokens, contextTokens }) =>
        `${id} as ${name}: answers up to ${answerTokens} tokens, ${contextTokens} with the prompt`,
    ),
    `Kudos: ${formatUnits(BigInt(kudos), decimals)} (no money). Jobs dropped in the last hour: ${dropped}.`,
  ];
}
