/** x402 `batch-settlement` behind our ports: the provider's till and claims, the gateway's purse. */
export { createChainEvidence, readSoldChannels } from './chain-evidence.ts';
export { createChannelClaims } from './channel-claims.ts';
export { createPayer, type LearnedCharge, type PaidDeposit, type PayerOptions } from './payer.ts';
export { createPaymentGate } from './payment-gate.ts';
export {
  openProviderChannels,
  type ProviderChannels,
  type ProviderChannelsOptions,
} from './provider-channels.ts';
export { createVoucherHashes, isSignedBy, isTakenByChain } from './voucher-signature.ts';
