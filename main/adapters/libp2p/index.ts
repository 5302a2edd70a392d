/** Public interface of the libp2p adapter. */
export { didOf } from './did.ts';
export {
  createPeerKey,
  loadPeerKey,
  makePeerKey,
  replacePeerKey,
  verifierWithOwnKey,
  verifySigned,
} from './key.ts';
export { createNetwork, type NetworkOptions } from './network.ts';
export { namedAddress, plainAddress } from './public-addresses.ts';
export { createPublicNode, type PublicNodeOptions } from './public-node.ts';
