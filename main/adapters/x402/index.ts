/** Implements our payment ports with x402: buying and selling by its three schemes, claims, and evidence from the chain. */
export { createPayer } from './buying/payer.ts';
export type { LearnedCharge, PaidDeposit, PayerOptions } from './buying/payer-options.ts';
export { createChainEvidence } from './chain/chain-evidence.ts';
export { createChannelClaims } from './chain/channel-claims.ts';
export { createFacilitator } from './chain/facilitator.ts';
export { createReferenceReader, shownReferences } from './references.ts';
export { createExactCollection } from './selling/exact-collection.ts';
export { createPaymentGate } from './selling/payment-gate.ts';
export {
  openProviderChannels,
  type ProviderChannels,
  type ProviderChannelsOptions,
} from './selling/provider-channels.ts';
export { createSaleGate, type SaleGate } from './selling/sale-gate.ts';
export type { SaleListing } from './selling/sale-refusals.ts';
export { createUptoCredit, type UptoCredit } from './selling/upto-credit.ts';
export { isPaymentPending, replacePending } from './selling/upto-pending.ts';
export { createUptoSettlement } from './selling/upto-settlement.ts';
export { createVoucherHashes, isSignedBy, isTakenByChain } from './selling/voucher-signature.ts';
export { readSoldChannels } from './sold-channels.ts';
