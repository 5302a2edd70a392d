/** Opens the wallet of an agent. */
import { AppError } from '../../shared/errors.ts';
import { createKeyTools } from '../adapters/ethers/index.ts';
import {
  type OpenedWallet,
  openWallet,
  passphraseFromFile,
  practicePassphrase,
} from '../core/wallet/index.ts';
import type { KeyTools } from '../ports/wallet.ts';
import type { AgentConfig } from './config.ts';
import type { Foundation } from './foundation.ts';
import { knownWallet } from './known-wallet.ts';
import type { Surroundings } from './surroundings.ts';

export interface AgentWallet {
  readonly wallet: OpenedWallet;
  readonly keys: KeyTools;
  readonly known: ReturnType<typeof knownWallet>;
  /** Address of the owner's money: earnings are at the payout address; a watch-only wallet has no other. */
  readonly ownAddress: string;
}

/** Fails with `keystore-missing` or `keystore-locked`. */
export async function openAgentWallet(
  { config, terms, log }: Surroundings,
  { paths, records }: Pick<Foundation, 'paths' | 'records'>,
): Promise<AgentWallet> {
  const keys = createKeyTools();
  const known = knownWallet(records);
  const wallet = await openWallet({
    folder: paths.keys,
    passphrase: () => readPassphrase(config, terms.isPaid, paths.keys),
    passphraseKind: hasOwnPassphrase(config, terms.isPaid) ? 'chosen' : 'random',
    keys,
    createIfAbsent: true,
    known,
  });
  const { accounts, kind, payout } = wallet;
  const ownAddress = kind === 'watch-only' ? payout : accounts.funds.address;
  log.child('start').info(wallet.created ? 'Wallet created' : 'Wallet opened', {
    kind,
    address: ownAddress,
    payoutAddress: payout,
    feeAddress: accounts.gas.address,
    backedUp: wallet.backedUp(),
  });
  return { wallet, keys, known, ownAddress };
}

/** Practice money is worthless, and among the machines of one owner the wallet holds nothing. */
function hasOwnPassphrase({ profile, passphraseFile, passphrase }: AgentConfig, isPaid: boolean): boolean {
  return profile !== 'practice' && (isPaid || passphraseFile !== null || passphrase !== null);
}

function readPassphrase(config: AgentConfig, isPaid: boolean, folder: string): string {
  if (!hasOwnPassphrase(config, isPaid)) return practicePassphrase(folder);
  if (config.passphraseFile !== null) return passphraseFromFile(config.passphraseFile);
  if (config.passphrase !== null) return config.passphrase;
  throw new AppError('keystore-locked', `Profile "${config.profile}" requires --passphrase-file.`);
}
