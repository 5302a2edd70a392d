/** Public interface of the wallet: its keys and their file, and sending money. */
export { createConfirmations } from './confirmations.ts';
export { createSecrets } from './secrets.ts';
export { bookSent } from './sent-booking.ts';
export type { Confirmations, CustomerPayments, Secrets, Spending, SpendRequest } from './services.ts';
export { namedPayout, sharedPayoutFile } from './shared-payout.ts';
export {
  createSpending,
  type FinalTransaction,
  type SpendingOptions,
  type WatchedSpending,
} from './spending.ts';
export {
  type OpenedWallet,
  type OpenWalletOptions,
  openWallet,
  passphraseFromFile,
  practicePassphrase,
} from './wallet.ts';
