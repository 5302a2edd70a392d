/** `bittensor show`, `allow` and `forget`: the hotkeys that may use this machine, for free. */
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
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
    const allowed = await allowedBy(api);
    if (values.json) console.log(JSON.stringify({ hotkey: own, allowed }));
    else {
      console.log(`This machine’s hotkey: ${own ?? 'none yet; --bittensor-listen makes one'}`);
      console.log(allowed.length === 0 ? 'No hotkey is allowed.' : `Allowed:\n${allowed.join('\n')}`);
    }
    return 0;
  });
};

export const allow = change((allowed, hotkey) => {
  if (!hotkeys.isAddress(hotkey)) {
    throw new AppError(
      'bad-request',
      `"${hotkey.slice(0, 60)}" is no hotkey of Bittensor. Check it for a typing error.`,
    );
  }
  return [...allowed.filter((each) => each !== hotkey), hotkey];
}, 'Allowed.');

export const forget = change((allowed, hotkey) => {
  if (!allowed.includes(hotkey)) {
    throw new AppError('not-found', `"${hotkey.slice(0, 60)}" isn’t on the list.`);
  }
  return allowed.filter((each) => each !== hotkey);
}, 'Removed.');

function change(changed: (allowed: readonly string[], hotkey: string) => string[], done: string): CommandRun {
  return async (argv) => {
    const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
    const [hotkey, ...rest] = positionals;
    if (hotkey === undefined || rest.length > 0) {
      throw new AppError('bad-request', 'This command takes one hotkey (SS58).');
    }
    return withRunningAgent(existingHome(values.home).root, async (api) => {
      await api.settings.change({ bittensorHotkeys: changed(await allowedBy(api), hotkey) });
      console.log(done);
      return 0;
    });
  };
}

async function allowedBy(api: AgentApi): Promise<readonly string[]> {
  return (await readState(api)).settings.bittensorHotkeys;
}
