/** Public interface of the pricing module. */
export {
  type PowerCost,
  type PriceFacts,
  type PriceRules,
  powerCostOf,
  type Quote,
  quoteOf,
} from './policy.ts';
export { createPricing, type PricedModel, type Pricing } from './pricing.ts';
