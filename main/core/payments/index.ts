/** Public interface of payments: settlement of what is sold, and the records of what is paid. */

export type { CoinPrice } from '../../ports/chain.ts';
export { type BalanceWatch, createBalanceWatch } from './balances.ts';
export { type BoughtCharges, createBoughtCharges } from './bought-charges.ts';
export { createDepositRecorder, type Deposit, type DepositRecorder } from './deposit-recorder.ts';
export { createDepositReturns, type DepositReturns } from './deposit-returns.ts';
export { createFeeRecorder, type FeeRecorder } from './fee-recorder.ts';
export { awaitsBackup, coinPriceOf } from './policy.ts';
export { createSettlement, type ScheduledSettlement, type SettlementOptions } from './settlement.ts';
