/**
 * The agents of `npm run bench -- market` that a newcomer finds. This program runs at one host of the lab, starts an agent at
 * each host that its parent names, and stops them when the parent disconnects.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { type RunningAgent, startAgent } from '../lib/agent-process.ts';
import { prepareMarketHome } from './market-home.ts';
import { inTemporaryHome } from './practice-here.ts';

/** One agent: its host in the lab, and its options. */
export interface Member {
  readonly host: string;
  readonly options: readonly string[];
}

export type FromCrowd = { readonly started: string; readonly addresses: readonly string[] };

await inTemporaryHome(async (folder) => {
  const agents: RunningAgent[] = [];
  const starting = new Set<Promise<void>>();
  process.on('message', (member: Member) => {
    const start = startMember(folder, member).then((agent) => {
      agents.push(agent);
      const report: FromCrowd = { started: member.host, addresses: agent.ready.peer.addresses };
      process.send?.(report);
    });
    starting.add(start);
  });
  await new Promise((resolve) => process.once('disconnect', resolve));
  await Promise.allSettled(starting);
  await Promise.all(agents.map((agent) => agent.stop()));
});

function startMember(folder: string, { host, options }: Member): Promise<RunningAgent> {
  const home = join(folder, host);
  const isPublicNode = options.includes('--role');
  if (isPublicNode) mkdirSync(home);
  const own = isPublicNode ? ['--headless', '--home', home] : prepareMarketHome(home, TINY_MODEL_ID);
  return startAgent([...own, ...options], { under: ['ip', 'netns', 'exec', host] });
}
