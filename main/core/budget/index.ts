/** Public interface of the buyer's budget. */
export { type Budget, type BudgetOptions, createBudget } from './budget.ts';
export { isAboveLimit } from './passed-over.ts';
export { isWithin, readMaxPrice } from './price-limits.ts';
export type { Hold, HoldEnd, RequestBudget } from './request-budget.ts';
export { UNLIMITED } from './unlimited.ts';
