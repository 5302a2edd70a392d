/** Public interface of the network module. */

export { readText } from '../../ports/read-text.ts';
export { type Announcing, createAnnouncing } from './announcing.ts';
export { watchClock } from './clock-watch.ts';
export { createDirectory, type Directory, type DirectoryOptions } from './directory.ts';
export type { Provider } from './known-offers.ts';
export { type MarketAddresses, marketAddresses } from './market-addresses.ts';
export { marketKey, rendezvousKey } from './market-key.ts';
export { watchOffer } from './offer-changes.ts';
export { type HintedRefresh, refreshByHints } from './offer-hints.ts';
export { PortOpening } from './port-opening.ts';
export { type RememberedPeers, rememberPeers } from './remembered-peers.ts';
export { meetInPublic } from './rendezvous.ts';
export { createSeeking, type Seeking } from './seeking.ts';
export { within } from './within.ts';
