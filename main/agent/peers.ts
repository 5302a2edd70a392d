/** Opens the peer-to-peer network, joins the open market, and connects to the peers that the owner named. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createNetwork } from '../adapters/libp2p/index.ts';
import { marketAddresses, rememberPeers } from '../core/network/index.ts';
import type { Log } from '../ports/log.ts';
import type { Market, Network } from '../ports/network.ts';
import type { Foundation } from './foundation.ts';
import type { Surroundings } from './surroundings.ts';

const CONNECT_MS_MAX = 30_000;
const REDIAL_MS = 500;

export async function openNetwork(surroundings: Surroundings, foundation: Foundation): Promise<Network> {
  const { config, terms, clock, onClose, changed, log } = surroundings;
  const { mdns, openMarket } = terms;
  const { bootstrap, announce, listen } = openMarket
    ? marketAddresses(config, foundation.settings.get(), terms.listen)
    : { bootstrap: [], announce: [], listen: config.listen?.length ? config.listen : terms.listen };
  const network = await createNetwork({
    folder: foundation.paths.keys,
    listen,
    clock,
    mdns,
    log: log.child('peers'),
    ...(openMarket && { market: { announce } }),
  });
  await network.start();
  onClose(() => network.stop());
  network.onPeers(() => changed('network'));
  if (network.market !== null) {
    onClose(network.market.onReach(() => changed('network')));
    const { market } = network;
    const join = (nodes: readonly string[]) => {
      for (const node of nodes) joinOrLog(market, node, log);
    };
    join(bootstrap);
    onClose(foundation.settings.onChange(({ publicNodes }) => join(publicNodes)));
    onClose(rememberPeers({ network, market, records: foundation.records, clock, log: log.child('peers') }));
  }
  const addresses = [...network.addresses()];
  if (openMarket) warnIfTaken(foundation, addresses, log);
  log.child('start').info('Listening for peers', { peer: network.key.peer, addresses, mdns });
  return network;
}

/** The command line's addresses were checked before; one of the settings may still be invalid. */
function joinOrLog(market: Market, node: string, log: Log): void {
  try {
    market.join([node]);
  } catch (error) {
    log.child('peers').warn('The address of a public node is invalid', { node, cause: String(error) });
  }
}

/** Another program may listen on the port that the router forwards. */
function warnIfTaken({ settings }: Foundation, addresses: readonly string[], log: Log): void {
  const { forwardedPort } = settings.get();
  if (forwardedPort === null || addresses.some((each) => each.includes(`/tcp/${forwardedPort}`))) return;
  log.child('start').warn('The forwarded port could not be opened', { port: forwardedPort });
}

/** Redials for 30 s: a peer that is still starting is not reachable immediately. Fails with `peer-unreachable`. */
export async function connectPatiently(
  { clock, log }: Pick<Surroundings, 'clock' | 'log'>,
  network: Network,
  address: string,
): Promise<void> {
  const start = log.child('start');
  const deadlineMs = clock.monotonic() + CONNECT_MS_MAX;
  for (;;) {
    try {
      await network.connect(address);
      return;
    } catch (error) {
      if (clock.monotonic() > deadlineMs) throw error;
      start.debug('A peer is not reachable yet', { address, cause: String(error) });
      await sleep(REDIAL_MS);
    }
  }
}
