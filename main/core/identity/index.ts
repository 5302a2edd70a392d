/** Public interface of the identity module. */
export {
  clockDifferenceMs,
  createOffers,
  isPayable,
  LIVE_OFFER_CLOCK_ERROR_MS_MAX,
  type OfferChecks,
  type Offers,
  type OffersOptions,
  type OfferTerms,
  payoutProofText,
  readOffer,
  type SignedOffer,
} from './offers.ts';
