/** Starts the practice requester: the second agent of a provider, or the requests of that second agent itself. */
import { forceUnwrap } from '../../shared/assert.ts';
import type { AgentReady } from '../../shared/host.ts';
import { startRequester } from '../core/practice/index.ts';
import type { Network } from '../ports/network.ts';
import type { GatewayAddress } from './buying.ts';
import type { Foundation } from './foundation.ts';
import type { Money } from './money.ts';
import { startPracticeRequester } from './practice-requester.ts';
import type { Surroundings } from './surroundings.ts';

const REQUESTER_PACE_MS = 12_000;

/** Starts the second agent of a practice provider; resolves once it is ready. */
export async function openSecondAgent(
  { config, clock, notices, onClose, log }: Surroundings,
  parts: { readonly foundation: Foundation; readonly money: Money; readonly network: Network },
): Promise<AgentReady> {
  const second = startPracticeRequester({
    entry: config.entry,
    home: parts.foundation.paths.requester,
    connect: forceUnwrap('a started network has an address', parts.network.addresses()[0]),
    rpcUrl: parts.money.chain.rpcUrl,
    quiet: config.quietRequester,
    logLevel: config.logLevel,
    clock,
    log: log.child('practice-requester'),
    onGaveUp: (cause) =>
      notices.show('practice-requester-stopped', { severity: 'error', details: { cause } }),
  });
  onClose(() => second.stop());
  const ready = await second.started;
  log.child('start').info('Practice requester ready', { pid: ready.pid, home: ready.home });
  return ready;
}

/** Sends requests to this agent's own gateway every 12 s. */
export function startAsking({ clock, onClose, log }: Surroundings, gateway: GatewayAddress): void {
  const ownLog = log.child('practice-requester');
  const asking = startRequester({
    gateway,
    clock,
    seed: clock.now(),
    paceMs: REQUESTER_PACE_MS,
    fetch,
    // Expected while no provider is found or its owner has paused it.
    onAnswer: (result) => {
      if (!result.ok) ownLog.debug('A practice request failed', { cause: result.message });
    },
  });
  onClose(() => asking.stop());
}
