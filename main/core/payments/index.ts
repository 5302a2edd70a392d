/** What is owed, and how it becomes money in the wallet. */
export type { CoinPrice } from './policy.ts';
export { createSettlement, type ScheduledSettlement, type SettlementOptions } from './settlement.ts';
