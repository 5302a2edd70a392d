/** Opens the peer-to-peer network, joins the open market, and connects to the peers that the owner named. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createNetwork } from '../adapters/libp2p/index.ts';
import { rememberPeers } from '../core/network/index.ts';
import type { Network } from '../ports/network.ts';
import type { Foundation } from './foundation.ts';
import type { OwnNetwork } from './own-machines.ts';
import type { Surroundings } from './surroundings.ts';

const CONNECT_MS_MAX = 30_000;
const REDIAL_MS = 500;

export async function openNetwork(
  surroundings: Surroundings,
  foundation: Foundation,
  own: OwnNetwork | null,
): Promise<Network> {
  const { config, terms, clock, onClose, changed, log } = surroundings;
  const { bootstrap = [], announce = [], listen = [] } = config;
  const { mdns } = terms;
  const network = await createNetwork({
    folder: foundation.paths.keys,
    listen: listen.length > 0 ? listen : terms.listen,
    clock,
    mdns,
    log: log.child('peers'),
    ...(own && { networkKey: own.networkKey, mdnsServiceTag: `_idlewatt-${own.network}._udp.local` }),
    ...(terms.openMarket && { market: { announce } }),
  });
  await network.start();
  onClose(() => network.stop());
  network.onPeers(() => changed('network'));
  if (network.market !== null) {
    onClose(network.market.onReach(() => changed('network')));
    network.market.join(bootstrap);
    const { market } = network;
    onClose(rememberPeers({ network, market, records: foundation.records, clock, log: log.child('peers') }));
  }
  const addresses = [...network.addresses()];
  log.child('start').info('Listening for peers', { peer: network.key.peer, addresses, mdns });
  return network;
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
