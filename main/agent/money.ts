/** The chain, the keys, and how what was earned becomes money in the wallet. */
import { AppError } from '../../shared/errors.ts';
import { amount } from '../../shared/money.ts';
import { fundFromFaucet, practiceNetwork, startPracticeChain } from '../adapters/anvil/index.ts';
import { connectNode, createKeyTools, createSender, readBalances } from '../adapters/ethers/index.ts';
import { recoverSigner } from '../adapters/secp256k1/index.ts';
import { createChannelClaims, openProviderChannels } from '../adapters/x402/index.ts';
import { bookSettlement, recoverBooks } from '../core/jobs/index.ts';
import type { Ledger } from '../core/ledger/index.ts';
import { createSettlement } from '../core/payments/index.ts';
import {
  type Confirmations,
  openWallet,
  passphraseFromFile,
  practicePassphrase,
  type Secrets,
  type Spending,
} from '../core/wallet/index.ts';
import type { Balances, ChainNetwork } from '../ports/chain.ts';
import type { ChainSender } from '../ports/evm.ts';
import type { AgentConfig, Surroundings } from './config.ts';
import type { Foundation } from './foundation.ts';
import { atEndpoints } from './networks.ts';

export type Money = Awaited<ReturnType<typeof openMoney>>;

const BALANCE_INTERVAL_MS = 30_000;
/** What the practice requester has in its purse when it starts: one thousand. */
const PRACTICE_PURSE = 1_000_000_000n;

export async function openMoney(surroundings: Surroundings, foundation: Foundation) {
  const { config, terms, serves, clock, onClose, changed, notice, fault } = surroundings;
  const { paths, database, records, ledger, jobs, settings } = foundation;

  const chain = await openChain(surroundings, paths.chain);
  const { accounts } = await openWallet({
    folder: paths.keys,
    passphrase: readPassphrase(config, paths.keys),
    keys: createKeyTools(),
    createIfAbsent: true,
  });
  const { funds, session, gas } = accounts;
  const node = connectNode(chain);
  onClose(() => node.close());
  if (config.profile === 'practice') await fillPracticeWallet();

  const channels = await openProviderChannels({
    network: chain,
    payout: funds.address,
    authorizer: session,
    sender: bookFees(createSender(node, gas), ledger, chain),
    store: records,
    withdrawDelaySeconds: terms.withdrawDelaySeconds,
    depositMin: amount(terms.depositMin),
    recoverSigner,
  });
  const claims = createChannelClaims(channels, clock);
  const books = {
    jobs,
    ledger,
    transaction: database.transaction,
    tokenId: chain.token.id,
    coinId: chain.coin.id,
  };
  recoverBooks(books, claims.accounts());
  const settlement = createSettlement({
    claims,
    clock,
    threshold: () => amount(settings.get().settleThreshold),
  });
  settlement.onEvent((event) => {
    bookSettlement(books, event);
    if (event.type === 'waiting') {
      notice('settlement-waiting', { severity: 'warning', details: { reason: event.reason } });
    } else {
      notice('settlement-waiting', null);
      void refreshBalances().catch(fault);
    }
    changed('money', 'work');
  });

  let balances: Balances | null = null;
  async function refreshBalances(): Promise<void> {
    const [held, forFees] = await Promise.all([
      readBalances(node, funds.address, clock),
      readBalances(node, gas.address, clock),
    ]);
    const coin = held.coin === null || forFees.coin === null ? null : amount(held.coin + forFees.coin);
    balances = { ...held, coin };
    const away = { severity: 'warning' as const, details: { network: terms.networkName } };
    notice('chain-unavailable', held.token === null ? away : null);
    changed('wallet');
  }

  /** Gives the practice wallet what it needs, and books it as a gift. */
  async function fillPracticeWallet(): Promise<void> {
    const address = serves ? gas.address : funds.address;
    const purse = serves ? 0n : PRACTICE_PURSE;
    const before = await readBalances(node, address, clock);
    if (before.token === null || before.coin === null) {
      throw new AppError('chain-unavailable', 'The practice chain does not answer.');
    }
    await fundFromFaucet(chain, address, amount(before.token < purse ? purse - before.token : 0n));
    const after = await readBalances(node, address, clock);
    const gained = [
      { assetId: chain.token.id, value: (after.token ?? before.token) - before.token },
      { assetId: chain.coin.id, value: (after.coin ?? before.coin) - before.coin },
    ];
    for (const { assetId, value } of gained) {
      const reference = `${address}:${clock.now()}:${assetId}`;
      if (value > 0n) ledger.faucet({ reference, assetId, amount: amount(value) });
    }
  }

  return {
    chain,
    accounts,
    node,
    channels,
    settlement,
    ...unbuiltWallet(),
    balances: () => balances,
    refreshBalances,
    /** Looks at the chain now and then while `wanted`, and settles by itself where there is something to. */
    start(wanted: () => boolean): void {
      const timer = clock.every(BALANCE_INTERVAL_MS, () => {
        if (wanted()) void refreshBalances().catch(fault);
      });
      onClose(() => timer.cancel());
      if (!serves) return;
      settlement.start();
      onClose(() => settlement.stop());
    },
  };
}

async function openChain({ config, terms, onClose }: Surroundings, folder: string): Promise<ChainNetwork> {
  if (terms.chain !== null) {
    const chain = config.rpcUrl === null ? terms.chain : atEndpoints(terms.chain, config.rpcUrl);
    return { ...chain, facilitators: config.facilitators ?? chain.facilitators };
  }
  if (config.rpcUrl !== null) return practiceNetwork(config.rpcUrl);
  const practice = await startPracticeChain({ folder });
  onClose(() => practice.stop());
  return practice.network;
}

function readPassphrase(config: AgentConfig, folder: string): string {
  if (config.profile === 'practice') return practicePassphrase(folder);
  if (config.passphraseFile !== null) return passphraseFromFile(config.passphraseFile);
  if (config.passphrase !== null) return config.passphrase;
  throw new AppError('keystore-locked', `The profile ${config.profile} needs --passphrase-file.`);
}

/** Whatever is sent for us costs a fee, also a deposit that we relay; claims book theirs again, to no effect. */
function bookFees(sender: ChainSender, ledger: Ledger, chain: ChainNetwork): ChainSender {
  return {
    ...sender,
    async waitForReceipt(hash, timeoutMs) {
      const receipt = await sender.waitForReceipt(hash, timeoutMs);
      ledger.networkFee({ txHash: receipt.hash, assetId: chain.coin.id, amount: receipt.fee });
      return receipt;
    },
  };
}

/** Holds the contract's place until the services are composed. */
function unbuiltWallet(): { spending: Spending; confirmations: Confirmations; secrets: Secrets } {
  const refuse = (): never => {
    throw new AppError('unsupported', 'The wallet cannot do this yet.');
  };
  return {
    spending: { prepare: refuse, send: refuse, speedUp: refuse, cancel: refuse, history: () => [] },
    confirmations: { ask: refuse, waiting: () => [], answer: refuse },
    secrets: {
      revealPhrase: refuse,
      exportKeystore: refuse,
      startDrill: refuse,
      answerDrill: refuse,
      importWallet: refuse,
      setPayoutAddress: refuse,
    },
  };
}
