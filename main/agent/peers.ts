/** Opens the peer-to-peer network, joins the open market, and connects to the peers that the owner named. */
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '../../shared/errors.ts';
import { PUBLIC_DHT_NODES } from '../../shared/public-dht.ts';
import type { WaysState } from '../../shared/reach.ts';
import { createNetwork } from '../adapters/libp2p/index.ts';
import { type MarketAddresses, marketAddresses, meetInPublic, rememberPeers } from '../core/network/index.ts';
import type { Log } from '../ports/log.ts';
import type { Market, Network } from '../ports/network.ts';
import type { Foundation } from './foundation.ts';
import type { OwnNetwork } from './own-machines.ts';
import { PROFILES } from './profiles.ts';
import { openReaching } from './reaching.ts';
import type { Surroundings } from './surroundings.ts';

const CONNECT_MS_MAX = 30_000;
const REDIAL_MS = 500;
const ANNOUNCED_NOWHERE = { announce: [], otherwise: null } as const;

export interface OpenedNetwork {
  readonly network: Network;
  /** Ways in which this machine finds others and is reached; null outside the open market. */
  readonly ways: () => WaysState | null;
}

export async function openNetwork(
  surroundings: Surroundings,
  foundation: Foundation,
  own: OwnNetwork | null,
): Promise<OpenedNetwork> {
  const { config, terms, clock, onClose, changed, log } = surroundings;
  const { mdns, openMarket } = terms;
  const addresses = openMarket
    ? marketAddresses(config, foundation.settings.get(), [...terms.listen, ...listenToIpv6()])
    : { listen: config.listen?.length ? config.listen : terms.listen, bootstrap: [], ...ANNOUNCED_NOWHERE };
  const network = await startListening(addresses, log.child('start'), (listen, announce) =>
    createNetwork({
      folder: foundation.paths.keys,
      listen,
      clock,
      mdns,
      log: log.child('peers'),
      ...(own && privateOptions(own)),
      ...(openMarket && {
        market: { announce, forwardedPort: forwardedPortOf(foundation), ...publicDhtOf(config, foundation) },
      }),
    }),
  );
  onClose(() => network.stop());
  network.onPeers(() => changed('network'));
  let ways: OpenedNetwork['ways'] = () => null;
  const { market } = network;
  if (market !== null) {
    onClose(market.onReach(() => changed('network')));
    const join = (nodes: readonly string[]) => {
      for (const node of nodes) joinOrLog(market, node, log);
    };
    join(addresses.bootstrap);
    onClose(foundation.settings.onChange(({ publicNodes }) => join(publicNodes)));
    onClose(meetInPublic({ network, market, clock, log: log.child('market') }));
    const { records } = foundation;
    const remembered = rememberPeers({ network, market, records, clock, log: log.child('peers') });
    onClose(() => remembered.stop());
    ways = openReaching(surroundings, foundation, { network, market, remembered });
  }
  const listening = [...network.addresses()];
  log.child('start').info('Listening for peers', { peer: network.key.peer, addresses: listening, mdns });
  return { network, ways };
}

function privateOptions({ network, networkKey }: Pick<OwnNetwork, 'network' | 'networkKey'>) {
  return { networkKey, mdnsServiceTag: `_idlewatt-${network}._udp.local` };
}

/** Opens the private network of the owner's machines next to the one on which this machine sells, with the same peer ID. */
export async function openPrivateNetwork(
  { clock, onClose, log }: Surroundings,
  { paths }: Pick<Foundation, 'paths'>,
  own: OwnNetwork,
): Promise<Network> {
  const { listen, mdns } = PROFILES.office;
  const addresses = { listen, ...ANNOUNCED_NOWHERE };
  const network = await startListening(addresses, log.child('start'), (chosen) =>
    createNetwork({
      ...{ folder: paths.keys, listen: chosen, clock, mdns, log: log.child('machines') },
      ...privateOptions(own),
    }),
  );
  onClose(() => network.stop());
  log.child('start').info('Listening for the owner’s machines', { addresses: [...network.addresses()] });
  return network;
}

/** A machine with an address of its own in IPv6 may be reached there; without one, listening would fail. */
function listenToIpv6(): readonly string[] {
  const isPublic = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some(({ family, address, internal }) => family === 'IPv6' && !internal && /^[23]/.test(address));
  return isPublic ? ['/ip6/::/tcp/0'] : [];
}

/** Read at the start only. */
function forwardedPortOf({ settings }: Foundation): number | null {
  return settings.get().forwardedPort;
}

/** Read at the start only. */
function publicDhtOf({ publicDht }: Surroundings['config'], { settings }: Foundation) {
  return (publicDht ?? settings.get().publicDht) ? { publicDht: PUBLIC_DHT_NODES } : {};
}

/** The command line's addresses were checked before; one of the settings may still be invalid. */
function joinOrLog(market: Market, node: string, log: Log): void {
  try {
    market.join([node]);
  } catch (error) {
    log.child('peers').warn('The address of a public node is invalid', { node, cause: String(error) });
  }
}

/** Starts a network; at the other addresses, and announcing none, if those of the settings are taken. */
export async function startListening(
  { listen, announce, otherwise }: Pick<MarketAddresses, 'listen' | 'announce' | 'otherwise'>,
  log: Log,
  create: (listen: readonly string[], announce: readonly string[]) => Promise<Network>,
): Promise<Network> {
  const network = await create(listen, announce);
  try {
    await network.start();
    return network;
  } catch (error) {
    if (otherwise === null || !isAppError(error, 'port-in-use')) throw error;
    log.warn('The forwarded port is used by another program', { listen: [...listen] });
    return startListening({ listen: otherwise, ...ANNOUNCED_NOWHERE }, log, create);
  }
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
