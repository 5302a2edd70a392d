/** Public interface of the identity module. */
export {
  createOffers,
  type OfferChecks,
  type Offers,
  type OffersOptions,
  type OfferTerms,
  payoutProofText,
  readOffer,
  type SignedOffer,
} from './offers.ts';
