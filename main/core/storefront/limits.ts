/** Limits of the provider service where its peers are visitors of a storefront. */
import type { ProviderLimits } from '../provider/index.ts';

/**
 * Each payment is worth more than its fee, so transactions are limited by money; what is refused stays limited as for
 * peers.
 */
export const STOREFRONT_LIMITS: Partial<ProviderLimits> = {
  waitingMax: 0,
  perPeerMax: 64,
  perSubnetMax: 256,
  channelRequestsPerPeerMax: 8,
  chainWorkPerPeerMax: 60,
  chainWorkMax: 2_000,
  /** Ten subnets are needed to reach it. */
  unfundedMax: 300,
  bodiesMax: 256,
  bodiesPerPeerMax: 16,
  unprovenBodiesMax: 64,
  unprovenBodiesPerPeerMax: 4,
};
