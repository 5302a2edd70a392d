/**
 * `npm run bench -- market`: how soon a newcomer finds an offer in a market of many agents, how soon an answer continues
 * at another provider when its own dies or stalls, and how soon it begins over a relay.
 */
import { run as runColdStart } from './market-cold-start.ts';
import { run as runFailover } from './market-failover.ts';
import { run as runRelay } from './market-relay.ts';
import type { BenchResult } from './result.ts';

export async function run(): Promise<BenchResult> {
  const parts = [await runFailover(), await runRelay(), await runColdStart()];
  return {
    figures: Object.assign({}, ...parts.map(({ figures }) => figures)),
    goals: Object.assign({}, ...parts.map(({ goals }) => goals)),
    notes: parts.flatMap(({ notes }) => notes),
  };
}
