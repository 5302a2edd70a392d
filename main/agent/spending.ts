/** Opens what the owner does with the wallet: transfers, their confirmation, and the wallet's secrets. */
import { amount } from '../../shared/money.ts';
import { type ChainNode, createSpendChain, readAddress } from '../adapters/ethers/index.ts';
import { bookSent, createConfirmations, createSecrets, createSpending } from '../core/wallet/index.ts';
import type { ChainNetwork } from '../ports/chain.ts';
import type { Foundation } from './foundation.ts';
import type { Surroundings } from './surroundings.ts';
import type { AgentWallet } from './wallet.ts';

export interface OwnerSpendingParts {
  readonly foundation: Foundation;
  readonly chain: ChainNetwork;
  readonly node: ChainNode;
  readonly opened: AgentWallet;
  /** Reads the wallet's balances after money has moved. */
  readonly refreshBalances: () => void;
}

export function openOwnerSpending(surroundings: Surroundings, parts: OwnerSpendingParts) {
  const { terms, clock, onClose, changed, log } = surroundings;
  const { foundation, chain, node, opened } = parts;
  const { paths, records, ledger, settings } = foundation;
  const { wallet, keys, known } = opened;
  const { funds, session, gas } = wallet.accounts;
  const tokenId = chain.token.id;
  const confirmations = createConfirmations(clock);
  onClose(() => confirmations.stop());
  const spending = createSpending({
    account: wallet.kind === 'watch-only' ? null : funds,
    own: [funds.address, session.address, gas.address],
    chain: createSpendChain(node),
    networkName: terms.networkName,
    store: records,
    clock,
    readAddress,
    confirmations,
    /** Read at each transfer. */
    get feeLimit() {
      const own = amount(settings.get().networkFeeMax);
      return own < chain.feeMax ? own : chain.feeMax;
    },
    book(transaction) {
      bookSent(ledger, { ...transaction, tokenId, coinId: chain.coin.id, atMs: clock.now() });
      const { hash, fee } = transaction;
      log.child('wallet').info('Transaction mined', {
        purpose: 'transfer',
        tx: hash,
        feeWei: fee.toString(),
      });
    },
    onChange: () => {
      changed('wallet', 'money');
      parts.refreshBalances();
    },
  });
  const secrets = createSecrets({
    folder: paths.keys,
    keys,
    readAddress,
    clock,
    isOwed: () => ledger.pendingPayout(tokenId) > 0n,
    onChange: () => changed('wallet', 'money'),
    known,
  });
  return { confirmations, spending, secrets };
}
