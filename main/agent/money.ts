/** The chain, the keys, and how what was earned becomes money in the wallet. */
import { AppError } from '../../shared/errors.ts';
import { amount } from '../../shared/money.ts';
import { fundFromFaucet, practiceNetwork, startPracticeChain } from '../adapters/anvil/index.ts';
import {
  connectNode,
  createKeyTools,
  createSender,
  createSpendChain,
  readAddress,
  readBalances,
} from '../adapters/ethers/index.ts';
import { recoverSigner } from '../adapters/secp256k1/index.ts';
import { createChannelClaims, openProviderChannels } from '../adapters/x402/index.ts';
import { bookSettlement, recoverBooks } from '../core/jobs/index.ts';
import type { Ledger } from '../core/ledger/index.ts';
import { createSettlement } from '../core/payments/index.ts';
import {
  bookSent,
  createConfirmations,
  createSecrets,
  createSpending,
  openWallet,
  passphraseFromFile,
  practicePassphrase,
} from '../core/wallet/index.ts';
import type { Balances, ChainNetwork } from '../ports/chain.ts';
import type { AgentConfig, Surroundings } from './config.ts';
import { createFeeBooks } from './fee-recorder.ts';
import type { Foundation } from './foundation.ts';
import { knownWallet } from './known-wallet.ts';
import { atEndpoints } from './networks.ts';

export type Money = Awaited<ReturnType<typeof openMoney>>;

const BALANCE_INTERVAL_MS = 30_000;
/** What the practice requester has in its purse when it starts: one thousand. */
const PRACTICE_PURSE = 1_000_000_000n;
/** A thousandth of a coin: hundreds of times what a transfer costs on a rollup in calm times. */
const SPEND_FEE_MAX = amount(10n ** 15n);

export async function openMoney(surroundings: Surroundings, foundation: Foundation) {
  const { config, terms, serves, clock, onClose, changed, notice, fault } = surroundings;
  const { paths, database, records, ledger, jobs, settings } = foundation;

  const chain = await openChain(surroundings, paths.chain);
  const keys = createKeyTools();
  const known = knownWallet(records);
  const wallet = await openWallet({
    folder: paths.keys,
    passphrase: () => readPassphrase(config, paths.keys),
    keys,
    createIfAbsent: true,
    known,
  });
  const { accounts } = wallet;
  const { funds, session, gas } = accounts;
  const node = connectNode(chain);
  onClose(() => node.close());
  if (config.profile === 'practice') await fillPracticeWallet();

  const fees = createFeeBooks({
    sender: createSender(node, gas),
    store: records,
    ledger,
    coinId: chain.coin.id,
    clock,
  });
  const channels = await openProviderChannels({
    network: chain,
    payout: wallet.payout,
    authorizer: session,
    sender: fees.sender,
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
    awaitsBackup: () => !chain.token.practice && wallet.payout === funds.address && !wallet.backedUp(),
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
    feeLimit: SPEND_FEE_MAX,
    book: (transaction) =>
      bookSent(ledger, {
        ...transaction,
        tokenId: chain.token.id,
        coinId: chain.coin.id,
        atMs: clock.now(),
      }),
    onChange: () => {
      changed('wallet', 'money');
      void refreshBalances().catch(fault);
    },
  });
  const secrets = createSecrets({
    folder: paths.keys,
    keys,
    readAddress,
    clock,
    isOwed: () => owesToWallet(ledger, chain),
    onChange: () => changed('wallet', 'money'),
    known,
  });

  /** Earnings are at the payout address; in a watch-only wallet nothing is at any other. */
  const watched = wallet.kind === 'watch-only' ? wallet.payout : funds.address;
  let balances: Balances | null = null;
  async function refreshBalances(): Promise<void> {
    const [held, forFees] = await Promise.all([
      readBalances(node, watched, clock),
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
    // An owner sends from one address and pays claims from another; a requester only pays.
    for (const address of serves ? [gas.address, funds.address] : [funds.address]) {
      await fillFromFaucet(address, serves ? 0n : PRACTICE_PURSE);
    }
  }

  async function fillFromFaucet(address: string, purse: bigint): Promise<void> {
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
    wallet,
    spending,
    confirmations,
    secrets,
    balances: () => balances,
    refreshBalances,
    /** Looks at the chain now and then while `wanted`, and settles by itself where there is something to. */
    start(wanted: () => boolean): void {
      const timer = clock.every(BALANCE_INTERVAL_MS, () => {
        if (wanted()) void refreshBalances().catch(fault);
      });
      onClose(() => timer.cancel());
      if (!serves) return;
      const asking = fees.start();
      onClose(() => asking.cancel());
      settlement.start();
      onClose(() => settlement.stop());
      spending.start();
      onClose(() => spending.stop());
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

/** Whether anything charged has not come to the payout address yet. */
function owesToWallet(ledger: Ledger, chain: ChainNetwork): boolean {
  const { id } = chain.token;
  return ledger.balance('channels:owed', id) > 0n || ledger.balance('contract:claimed', id) > 0n;
}
