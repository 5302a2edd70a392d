/** Public interface of the rates module. */
export { createDayRates } from './day-rates.ts';
export { createRates, type Rates, type RatesParts, type RatesState } from './rates.ts';
export { type PublicSource, RATE_URLS } from './sources.ts';
