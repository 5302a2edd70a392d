/** Keys and their file, and sending what they hold. */
export type { Confirmations, SecretSource, Secrets, Spending, SpendRequest } from './services.ts';
export {
  type OpenedWallet,
  type OpenWalletOptions,
  openWallet,
  passphraseFromFile,
  practicePassphrase,
} from './wallet.ts';
