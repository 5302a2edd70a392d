/** `pair`, `pair list` and `pair revoke`: let a browser keep its access to the pages, and take it away again. */
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import { CODE_MINUTES } from '../../shared/pairing.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { withRunningAgent } from './running-agent.ts';

const HOME = { home: { type: 'string' } } as const;

export const pair: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: HOME });
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const { code, url } = await api.shell.openPairingCode({});
    console.log(`Code: ${code}`);
    console.log(`Open ${url} in the browser and enter it within ${CODE_MINUTES} min. It works once.`);
    console.log('Then bookmark that address.');
    return 0;
  });
};

export const list: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { ...HOME, json: { type: 'boolean', default: false } },
  });
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const { browsers } = await api.pairing.list({});
    if (values.json) console.log(JSON.stringify(browsers));
    else if (browsers.length === 0) console.log('No browser is paired.');
    for (const { id, name, pairedAtMs, lastSeenMs } of values.json ? [] : browsers) {
      console.log(`${id}  ${name}, paired on ${dayOf(pairedAtMs)}, last connected on ${dayOf(lastSeenMs)}`);
    }
    return 0;
  });
};

export const revoke: CommandRun = async (argv) => {
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: HOME });
  const [id] = positionals;
  if (id === undefined || positionals.length !== 1) {
    throw new AppError('bad-request', 'This command takes the ID of a browser that `pair list` shows.');
  }
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    await api.pairing.revoke({ id });
    console.log('Revoked. The browser has to be paired again.');
    return 0;
  });
};

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}
