/** Public interface of the forecast: expected earnings per day, and average earnings per hour. */
export { earnedPerBusyHour, estimate, type ForecastFacts, marketPrices, type PastDay } from './estimate.ts';
export { collectFacts, type ForecastSources } from './facts.ts';
export { type ComingDays, createForecasts, type ForecastService } from './forecasts.ts';
export { createHourlyEarnings, type PerHour } from './hourly.ts';
export { incomesOf, type ModelIncome } from './incomes.ts';
export { type RestOfDay, type RestOfDayFacts, restOfDay } from './rest-of-day.ts';
export { createWattsMeter, type WattsMeter, wattsStateOf } from './watts.ts';
