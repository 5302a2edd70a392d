/** Keys and their file. */
export {
  type OpenedWallet,
  type OpenWalletOptions,
  openWallet,
  passphraseFromFile,
  practicePassphrase,
} from './wallet.ts';
