/** `bittensor show`, `allow` and `forget`: the hotkeys that may use this machine, for free. */
import { parseArgs } from 'node:util';
import { HOTKEY_NAME_CHARACTERS_MAX, type HotkeyNames } from '../../shared/bittensor.ts';
import { AppError } from '../../shared/errors.ts';
import type { Settings } from '../../shared/settings.ts';
import { hotkeys } from '../adapters/bittensor/index.ts';
import { readHotkey } from '../agent/hotkey-file.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { type AgentApi, readState, withRunningAgent } from './running-agent.ts';

const OPTIONS = { home: { type: 'string' }, json: { type: 'boolean', default: false } } as const;

export const show: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS });
  const home = existingHome(values.home);
  const own = readHotkey(home.keys)?.address ?? null;
  return withRunningAgent(home.root, async (api) => {
    const { bittensorHotkeys: allowed, bittensorNames: names } = await settingsOf(api);
    if (values.json) console.log(JSON.stringify({ hotkey: own, allowed, names }));
    else {
      console.log(`This machine’s hotkey: ${own ?? 'none yet; --bittensor-listen makes one'}`);
      console.log(allowed.length === 0 ? 'No hotkey is allowed.' : `Allowed:\n${listed(allowed, names)}`);
    }
    return 0;
  });
};

export const allow: CommandRun = async (argv) => {
  const options = { ...OPTIONS, name: { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options });
  const hotkey = oneHotkey(positionals);
  if (!hotkeys.isAddress(hotkey)) {
    throw new AppError(
      'bad-request',
      `"${hotkey.slice(0, 60)}" is no hotkey of Bittensor. Check it for a typing error.`,
    );
  }
  const name = values.name?.trim();
  if (name !== undefined && (name === '' || name.length > HOTKEY_NAME_CHARACTERS_MAX)) {
    throw new AppError('bad-request', `A name has 1 to ${HOTKEY_NAME_CHARACTERS_MAX} characters.`);
  }
  return changing(values.home, 'Allowed.', ({ bittensorHotkeys, bittensorNames }) => ({
    bittensorHotkeys: [...bittensorHotkeys.filter((each) => each !== hotkey), hotkey],
    bittensorNames: name === undefined ? bittensorNames : { ...bittensorNames, [hotkey]: name },
  }));
};

export const forget: CommandRun = async (argv) => {
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  const hotkey = oneHotkey(positionals);
  return changing(values.home, 'Removed.', ({ bittensorHotkeys, bittensorNames }) => {
    if (!bittensorHotkeys.includes(hotkey)) {
      throw new AppError('not-found', `"${hotkey.slice(0, 60)}" isn’t on the list.`);
    }
    const { [hotkey]: _, ...names } = bittensorNames;
    return {
      bittensorHotkeys: bittensorHotkeys.filter((each) => each !== hotkey),
      bittensorNames: names,
    };
  });
};

type Listed = Pick<Settings, 'bittensorHotkeys' | 'bittensorNames'>;

function oneHotkey([hotkey, ...rest]: readonly string[]): string {
  if (hotkey !== undefined && rest.length === 0) return hotkey;
  throw new AppError('bad-request', 'This command takes one hotkey (SS58).');
}

async function changing(
  home: string | undefined,
  done: string,
  changed: (now: Listed) => Listed,
): Promise<number> {
  return withRunningAgent(existingHome(home).root, async (api) => {
    await api.settings.change(changed(await settingsOf(api)));
    console.log(done);
    return 0;
  });
}

async function settingsOf(api: AgentApi): Promise<Listed> {
  return (await readState(api)).settings;
}

function listed(allowed: readonly string[], names: HotkeyNames): string {
  return allowed.map((hotkey) => [hotkey, names[hotkey]].filter(Boolean).join('  ')).join('\n');
}
