/** Public interface of the libp2p adapter. */
export { createPeerKey, loadPeerKey, verifierWithOwnKey, verifySigned } from './key.ts';
export { createNetwork, type NetworkOptions } from './network.ts';
export { namedAddress, plainAddress } from './public-addresses.ts';
export { createPublicNode, type PublicNodeOptions } from './public-node.ts';
