/** The ways of a machine behind a router, as the page Network gets them. */
import type { WaysState } from '../../shared/reach.ts';

const RELAY = '12D3KooWMfJoto6bGrVWJ5VDy716CzBJz5LNnru7ZmXx3RN4virQ';
const OTHER_RELAY = '12D3KooWGzq7mN4vYcR2xTs9LkJpE8aQdHhP5uW3oZtN1iBfVwCk';

/** It is reached over two relays, and nobody has asked the router for a port. */
export const RELAYED_WAYS: WaysState = {
  neighbors: 18,
  publicNodes: 3,
  publicNodesConnected: 2,
  remembered: 41,
  isPublicDhtUsed: true,
  isLanSearched: true,
  opening: { state: 'off', by: null, port: null },
  addresses: [{ address: '/ip6/2a00:1450:4001:81b::200e/tcp/40123', kind: 'own', result: 'unreached' }],
  relays: [
    {
      peer: RELAY,
      address: `/ip4/45.0.0.20/tcp/4001/p2p/${RELAY}`,
      inBytes: 1_840_220,
      outBytes: 31_022_904,
      isLimited: false,
      leftBytes: null,
      roundTripMs: 38.4,
      cost: { pricePerMegabyte: '20', paid: '640' },
    },
    {
      peer: OTHER_RELAY,
      address: `/ip4/45.0.0.21/tcp/443/ws/p2p/${OTHER_RELAY}`,
      inBytes: 0,
      outBytes: 0,
      isLimited: null,
      leftBytes: null,
      roundTripMs: null,
      cost: null,
    },
  ],
};

/** The router leads a port here, and public nodes have tested it. */
export const OPENED_WAYS: WaysState = {
  ...RELAYED_WAYS,
  opening: { state: 'open', by: 'upnp', port: 40_123 },
  addresses: [{ address: '/ip4/45.0.0.101/tcp/40123', kind: 'mapped', result: 'reached' }],
};
