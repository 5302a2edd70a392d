/** Public interface of paid relaying. */
export { type Allowances, createAllowances } from './allowances.ts';
export { RelayBuying, type RelayBuyingParts } from './relay-buying.ts';
export { createRelayChannels, type RelayChannels } from './relay-channels.ts';
export { createRelaySpending, type RelaySpending } from './relay-spending.ts';
export { createRelayingService, type RelayServiceParts } from './service.ts';
export { createRelayTerms, type RelayOffer, readRelayTerms } from './terms.ts';
