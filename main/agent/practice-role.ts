/** Opens the practice requester: the second agent of a provider, or the requests of that second agent itself. */
import { forceUnwrap } from '../../shared/assert.ts';
import type { AgentReady, PracticeProvider } from '../../shared/host.ts';
import { startRequester } from '../core/practice/index.ts';
import type { Network } from '../ports/network.ts';
import type { GatewayAddress } from './buying.ts';
import type { Money } from './money.ts';
import { type PracticeRequester, startPracticeRequester } from './practice-requester.ts';
import type { Surroundings } from './surroundings.ts';

const REQUESTER_PACE_MS = 12_000;

/** Called once the agent serves; resolves with the second agent when that is ready, or with null if there is none. */
export type JoinPractice = (parts: {
  readonly money: Pick<Money, 'chain'>;
  readonly network: Pick<Network, 'addresses'>;
  readonly own: GatewayAddress;
}) => Promise<AgentReady | null>;

/** A practice provider starts its requester as a second agent; that second agent sends requests to its gateway. */
export function openPracticeRole(surroundings: Surroundings, requesterHome: string): JoinPractice {
  const { config, serves } = surroundings;
  if (serves) return config.profile === 'practice' ? openSecondAgent(surroundings, requesterHome) : nobody;
  return async ({ own }) => {
    if (!config.quietRequester) startAsking(surroundings, own);
    return null;
  };
}

const nobody: JoinPractice = async () => null;

/**
 * Headless, the second agent loads its code while this one opens its wallet and chain. In the desktop, it starts only when
 * the API answers, so that the window has the processor until then.
 */
function openSecondAgent(surroundings: Surroundings, requesterHome: string): JoinPractice {
  const { config, onClose, log } = surroundings;
  const provider = Promise.withResolvers<PracticeProvider>();
  const start = () => {
    const second = startSecondAgent(surroundings, requesterHome, provider.promise);
    onClose(() => second.stop());
    return second;
  };
  const early = config.host === 'headless' ? start() : null;
  return async ({ money, network }) => {
    const connect = forceUnwrap('a started network has an address', network.addresses()[0]);
    provider.resolve({ connect, rpcUrl: money.chain.rpcUrl });
    const second = early ?? start();
    const ready = await second.started;
    log.child('start').info('Practice requester ready', { pid: ready.pid, home: ready.home });
    return ready;
  };
}

function startSecondAgent(
  { config, clock, notices, log }: Surroundings,
  home: string,
  provider: Promise<PracticeProvider>,
): PracticeRequester {
  return startPracticeRequester({
    ...{ entry: config.entry, home, provider, clock },
    quiet: config.quietRequester,
    logLevel: config.logLevel,
    log: log.child('practice-requester'),
    onGaveUp: (cause) =>
      notices.show('practice-requester-stopped', { severity: 'error', details: { cause } }),
  });
}

/** Sends requests to this agent's own gateway every 12 s. */
function startAsking({ clock, onClose, log }: Surroundings, gateway: GatewayAddress): void {
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
