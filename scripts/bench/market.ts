/**
 * `npm run bench -- market`: how soon a newcomer finds an offer in a market of many agents, and how soon an answer continues
 * at another provider when its own dies or stalls.
 */
import { run as runColdStart } from './market-cold-start.ts';
import { run as runFailover } from './market-failover.ts';
import type { BenchResult } from './result.ts';

export async function run(): Promise<BenchResult> {
  const parts = [await runFailover(), await runColdStart()];
  return {
    figures: Object.assign({}, ...parts.map(({ figures }) => figures)),
    goals: Object.assign({}, ...parts.map(({ goals }) => goals)),
    notes: parts.flatMap(({ notes }) => notes),
  };
}
