/** Opens the peer-to-peer network and connects to the peers that the owner named. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createNetwork } from '../adapters/libp2p/index.ts';
import type { Network } from '../ports/network.ts';
import type { Surroundings } from './surroundings.ts';

const CONNECT_MS_MAX = 30_000;
const REDIAL_MS = 500;

export async function openNetwork(
  { terms, clock, onClose, changed, log }: Surroundings,
  keyFolder: string,
): Promise<Network> {
  const { listen, mdns } = terms;
  const network = await createNetwork({
    folder: keyFolder,
    listen,
    clock,
    mdns,
    log: log.child('peers'),
  });
  await network.start();
  onClose(() => network.stop());
  network.onPeers(() => changed('network'));
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
