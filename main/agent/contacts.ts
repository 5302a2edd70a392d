/** Keeps the register of contacted hosts: HTTP requests of the process, and peers that it is connected to. */

import { type ContactPurpose, contactPurposeSchema } from '../../shared/contacts.ts';
import { connectEngineServer } from '../adapters/http/index.ts';
import { onOutgoingRequest, withPurpose } from '../adapters/node/index.ts';
import { type Contacts, createContacts } from '../core/contacts/index.ts';
import { RATE_URLS } from '../core/rates/index.ts';
import type { ChainNetwork } from '../ports/chain.ts';
import type { ConnectEngineServer } from '../ports/engine-server.ts';
import type { Network } from '../ports/network.ts';
import type { Foundation } from './foundation.ts';
import type { Surroundings } from './surroundings.ts';

/** `fetch` for model downloads: every host that a publisher redirects to counts as contacted for a model. */
export const fetchModel: typeof fetch = (input, init) => withPurpose('models', () => fetch(input, init));

/** `fetch` for requests to the router. */
export const fetchRouter: typeof fetch = (input, init) => withPurpose('router', () => fetch(input, init));
/** `fetch` for the AI Horde. */
export const fetchHorde: typeof fetch = (input, init) => withPurpose('horde', () => fetch(input, init));

/** Connects to an engine server of the owner's. */
export const connectRegistered: ConnectEngineServer = (target) => {
  const connection = connectEngineServer(target);
  return { ...connection, send: (request) => withPurpose('engines', () => connection.send(request)) };
};

export interface ContactRegister extends Contacts {
  /** Names the hosts of the chain. The owner's own nodes are unknown until it is open. */
  setChain(chain: ChainNetwork): void;
  watchPeers(network: Network): void;
}

export function openContacts(
  { terms, clock, onClose, changed, log }: Surroundings,
  { records }: Foundation,
): ContactRegister {
  const contacts = createContacts({
    clock,
    records,
    onNew({ host, purpose }) {
      const level = purpose === 'directory' ? 'debug' : 'info';
      log.child('contacts')[level]('A host was contacted for the first time', { host, purpose });
      changed('network');
    },
  });
  onClose(() => contacts.stop());
  const purposes = new Map<string, ContactPurpose>();
  for (const url of Object.values(RATE_URLS)) purposes.set(new URL(url).hostname, 'rates');
  onClose(
    onOutgoingRequest((host, named) => {
      const purpose = contactPurposeSchema.safeParse(named);
      contacts.note(host, purpose.success ? purpose.data : (purposes.get(host) ?? 'other'));
    }),
  );
  const setChain = ({ rpcUrl, fallbackRpcUrls, facilitators }: ChainNetwork) => {
    for (const url of [rpcUrl, ...fallbackRpcUrls]) purposes.set(hostOf(url), 'chain');
    for (const url of facilitators) purposes.set(hostOf(url), 'payouts');
  };
  if (terms.chain !== null) setChain(terms.chain);
  return {
    ...contacts,
    setChain,
    watchPeers(network) {
      const connected = new Set<string>();
      const note = () => {
        for (const { peer, addresses, connected: isConnected } of network.peers()) {
          if (!isConnected) connected.delete(peer);
          else if (!connected.has(peer)) {
            connected.add(peer);
            for (const address of addresses) contacts.note(ipOf(address), 'peers');
          }
        }
      };
      note();
      onClose(network.onPeers(note));
      const asked = network.market?.publicDht;
      if (asked) onClose(asked.onContact((address) => contacts.note(ipOf(address), 'directory')));
    },
  };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}

/** The IP address or DNS name of a multiaddr, e.g. of `/ip4/192.0.2.7/tcp/4001`; empty if it has none. */
function ipOf(address: string): string {
  return /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)/.exec(address)?.[1] ?? '';
}
