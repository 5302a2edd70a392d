/** The owner's limits as a buyer: maximum prices, and how much a day, a request, a new provider and relays may cost. */
import { z } from 'zod';

/** Base units per million tokens, or base units. */
const unitsSchema = z.string().regex(/^\d{1,15}$/);

/** Maximum prices of one model. */
export const modelPriceSchema = z.object({
  model: z.string().trim().min(1).max(200),
  inputPerMillion: unitsSchema,
  outputPerMillion: unitsSchema,
});
export type ModelPrice = z.infer<typeof modelPriceSchema>;

export const MODEL_PRICES_MAX = 64;

/** The part of the settings that limits buying. */
export const buyingLimitShape = {
  /** Maximum prices of every model without its own, in base units per million tokens; null: derived from offers. */
  buyPriceInputMax: unitsSchema.nullable(),
  buyPriceOutputMax: unitsSchema.nullable(),
  /** Maximum prices by model. */
  buyModelPrices: z.array(modelPriceSchema).max(MODEL_PRICES_MAX),
  /** Base units that may be charged within 24 hours, and base units that may be deposited in the same time. */
  buyDayMax: unitsSchema,
  /** Base units that one request may cost, with all providers that contribute to its answer. */
  buyRequestMax: unitsSchema,
  /** Base units that a provider without a valid receipt may hold. */
  buyNewProviderMax: unitsSchema,
  /** Base units per megabyte that a relay may cost over which this machine is reached; 0: only free relays are used. */
  relayPriceMax: unitsSchema,
  /** Base units that all relays may cost within 24 hours. */
  relayDayMax: unitsSchema,
};

const limitsSchema = z.object(buyingLimitShape);
export type BuyingLimits = z.infer<typeof limitsSchema>;

/** In USDC: 2 per day, 0.25 per request, 0.05 for a new provider, 0.10 per day for relays. */
export const BUYING_DEFAULTS: BuyingLimits = {
  buyPriceInputMax: null,
  buyPriceOutputMax: null,
  buyModelPrices: [],
  buyDayMax: '2000000',
  buyRequestMax: '250000',
  buyNewProviderMax: '50000',
  relayPriceMax: '0',
  relayDayMax: '100000',
};
