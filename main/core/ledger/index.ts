/** Public interface of the ledger: the only place where money is counted. */
export { ACCOUNT_NAMES, ACCOUNTS } from './accounts.ts';
export type { Booked } from './book.ts';
export type { Bookings } from './bookings.ts';
export type { ChannelAmount, ChannelPurpose, TransferEvent } from './entries.ts';
export { createLedger, type Ledger, type LedgerParts } from './ledger.ts';
export { isPendingPayout } from './pending-payout.ts';
export type { PostingRequest } from './posting.ts';
export type {
  DayEarnings,
  HourEarnings,
  ModelEarnings,
  NetworkEarnings,
  PeerEarnings,
  QuarterEarnings,
} from './reports.ts';
