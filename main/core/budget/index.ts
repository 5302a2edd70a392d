/** Public interface of the buyer's budget. */
export { type Budget, type BudgetOptions, createBudget } from './budget.ts';
export type { BudgetTime } from './budget-time.ts';
export { createDayTotals, type DayTotals } from './day-totals.ts';
export { aboveLimit, isAboveLimit, isNewProviderLimit } from './passed-over.ts';
export { isWithin, readMaxPrice } from './price-limits.ts';
export { type HeldJob, type Hold, type HoldEnd, knownCharge, type RequestBudget } from './request-budget.ts';
export { UNLIMITED } from './unlimited.ts';
