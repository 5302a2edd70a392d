/** Public interface of the libp2p adapter. */
export { createPeerKey, loadPeerKey, verifierWithOwnKey, verifySigned } from './key.ts';
export { createNetwork, type NetworkOptions } from './network.ts';
