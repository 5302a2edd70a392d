/**
 * A newcomer in the network of `npm run bench -- market`: starts an agent with an empty data folder, and reports when its
 * gateway lists the first offer. Its parent, in the same network, passes the options.
 */
import { forceUnwrap } from '../../shared/assert.ts';
import { startAgent } from '../lib/agent-process.ts';
import { prepareMarketHome } from './market-home.ts';
import { inTemporaryHome, waitForMarket } from './practice-here.ts';

/** Milliseconds from the start of the process. */
export interface NewcomerReport {
  readonly readyMs: number;
  readonly firstOfferMs: number;
}

const CHECK_MS = 20;

await inTemporaryHome(async (home) => {
  const own = prepareMarketHome(home);
  const startedMs = performance.now();
  const agent = await startAgent([...own, ...process.argv.slice(2)]);
  const readyMs = performance.now() - startedMs;
  try {
    await waitForMarket(forceUnwrap('an agent has a gateway', agent.ready.gateway), CHECK_MS);
    const report: NewcomerReport = { readyMs, firstOfferMs: performance.now() - startedMs };
    process.send?.(report);
  } finally {
    await agent.stop();
  }
});
