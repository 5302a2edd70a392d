/**
 * A newcomer in the network of `npm run bench -- market`: starts an agent with an empty data folder, and reports when its
 * gateway lists the first offer. Its parent, in the same network, passes the options.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { forceUnwrap } from '../../shared/assert.ts';
import { startAgent } from '../lib/agent-process.ts';
import { prepareMeasuredHome } from '../lib/stored-benchmark.ts';
import { inTemporaryHome } from './practice-here.ts';

/** Milliseconds from the start of the process. */
export interface NewcomerReport {
  readonly readyMs: number;
  readonly firstOfferMs: number;
}

const CHECK_MS = 20;
const FOUND_MS_MAX = 60_000;

await inTemporaryHome(async (home) => {
  const passphraseFile = join(home, 'passphrase');
  writeFileSync(passphraseFile, 'a pass phrase of the benchmark\n', { mode: 0o600 });
  prepareMeasuredHome(home);
  const startedMs = performance.now();
  const agent = await startAgent([
    ...['--headless', '--home', home, '--profile', 'open', '--passphrase-file', passphraseFile],
    ...process.argv.slice(2),
  ]);
  const readyMs = performance.now() - startedMs;
  try {
    const { baseUrl, key } = forceUnwrap('an agent has a gateway', agent.ready.gateway);
    await firstOffer(baseUrl, key);
    const report: NewcomerReport = { readyMs, firstOfferMs: performance.now() - startedMs };
    process.send?.(report);
  } finally {
    await agent.stop();
  }
});

async function firstOffer(baseUrl: string, key: string): Promise<void> {
  const endMs = performance.now() + FOUND_MS_MAX;
  while (performance.now() < endMs) {
    const response = await fetch(`${baseUrl}/models`, { headers: { authorization: `Bearer ${key}` } });
    const { data } = (await response.json()) as { readonly data: readonly unknown[] };
    if (data.length > 0) return;
    await sleep(CHECK_MS);
  }
  throw new Error(`No offer was found within ${FOUND_MS_MAX / 1_000} s.`);
}
