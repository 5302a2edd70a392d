/** Public interface of the identity module. */
export {
  type BindingChecks,
  type Bindings,
  type BoundParties,
  checkBinding,
  createBindings,
  LIFETIME_SECONDS_MAX,
} from './bindings.ts';
export {
  checkFormerPeers,
  leadingTo,
  readFormerPeers,
  signRevocation,
  signSuccession,
} from './former-peers.ts';
export {
  checkLifetime,
  clockDifferenceMs,
  createOffers,
  isPayable,
  LIVE_OFFER_CLOCK_ERROR_MS_MAX,
  type OfferChecks,
  type Offers,
  type OffersOptions,
  type OfferTerms,
  readOffer,
  type SignedOffer,
} from './offers.ts';
export { createRenewal } from './renewal.ts';
export { bindingStatement } from './statements.ts';
