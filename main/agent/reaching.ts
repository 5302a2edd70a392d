/** Opens the ways in which strangers reach this machine, and describes all of them for the pages. */
import type { WaysState } from '../../shared/reach.ts';
import type { Settings } from '../../shared/settings.ts';
import { createPortMapper } from '../adapters/router/index.ts';
import { defaultRouter } from '../adapters/systeminformation/index.ts';
import { PortOpening, type RememberedPeers } from '../core/network/index.ts';
import type { Market, Network } from '../ports/network.ts';
import { fetchRouter } from './contacts.ts';
import type { Foundation } from './foundation.ts';
import type { OpenedNetwork } from './peers.ts';
import type { Surroundings } from './surroundings.ts';

interface ReachingParts {
  readonly network: Network;
  readonly market: Market;
  readonly remembered: RememberedPeers;
}

export function openReaching(
  { config, terms, clock, log, onClose, changed }: Surroundings,
  { settings }: Foundation,
  { network, market, remembered }: ReachingParts,
): OpenedNetwork['ways'] {
  const onChange = () => changed('network');
  const opening = new PortOpening({
    mapper: createPortMapper({ fetch: fetchRouter }),
    router: defaultRouter,
    ...{ market, clock, log: log.child('router'), onChange },
  });
  // The owner has named another way in.
  const hasOther = ({ forwardedPort }: Settings) =>
    forwardedPort !== null || (config.announce ?? []).length > 0;
  const allow = (now: Settings) => opening.allow(now.openPort && !hasOther(now));
  allow(settings.get());
  onClose(settings.onChange(allow));
  onClose(() => opening.stop());
  onClose(market.onWays(onChange));

  return (): WaysState => {
    const { neighbors, addresses, relays } = market.ways();
    const named = [...new Set([...(config.bootstrap ?? []), ...settings.get().publicNodes])];
    const peers = network.peers();
    const isConnected = (node: string) =>
      peers.some(({ peer, connected }) => connected && node.endsWith(`/p2p/${peer}`));
    return {
      neighbors,
      publicNodes: named.length,
      publicNodesConnected: named.filter(isConnected).length,
      remembered: remembered.count(),
      isPublicDhtUsed: market.publicDht !== null,
      isLanSearched: terms.mdns,
      opening: opening.state(),
      addresses: addresses.map((each) => ({ ...each })),
      relays: relays.map(({ cost, ...each }) => ({
        ...each,
        cost: cost && {
          pricePerMegabyte: cost.pricePerMegabyte.toString(),
          paid: cost.paid.toString(),
        },
      })),
    };
  };
}
