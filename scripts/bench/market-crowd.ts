/**
 * The agents of `npm run bench -- market` that were there before: runs at one host of the lab, and starts an agent at each
 * host that its parent names. They end with it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { type RunningAgent, startAgent } from '../lib/agent-process.ts';
import { prepareMeasuredHome } from '../lib/stored-benchmark.ts';
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
  mkdirSync(home, { recursive: true });
  const passphraseFile = join(home, 'passphrase');
  writeFileSync(passphraseFile, 'a pass phrase of the benchmark\n', { mode: 0o600 });
  prepareMeasuredHome(home, TINY_MODEL_ID);
  const isPublicNode = options.includes('--role');
  const profile = isPublicNode ? [] : ['--profile', 'open', '--passphrase-file', passphraseFile];
  return startAgent(['--headless', '--home', home, ...profile, ...options], {
    under: ['ip', 'netns', 'exec', host],
  });
}
