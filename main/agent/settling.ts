/** Opens settlement: channels that requesters pay on, their claims and payouts, and the fees of transactions. */
import { amount } from '../../shared/money.ts';
import { type ChainNode, createSender } from '../adapters/ethers/index.ts';
import { recoverSigner } from '../adapters/secp256k1/index.ts';
import { createChannelClaims, openProviderChannels, replacePending } from '../adapters/x402/index.ts';
import { bookSettlement, recoverBooks } from '../core/jobs/index.ts';
import {
  awaitsBackup,
  coinPriceOf,
  createFeeRecorder,
  createSettlement,
  type FeeRecorder,
  type ScheduledSettlement,
} from '../core/payments/index.ts';
import type { OpenedWallet } from '../core/wallet/index.ts';
import type { ChainNetwork, CoinPrice } from '../ports/chain.ts';
import type { Foundation } from './foundation.ts';
import type { Surroundings } from './surroundings.ts';

export interface SettlingParts {
  readonly foundation: Foundation;
  readonly chain: ChainNetwork;
  readonly node: ChainNode;
  readonly wallet: OpenedWallet;
  /** Reads the wallet's balances after money has moved. */
  readonly refreshBalances: () => void;
}

/**
 * Used where neither the network nor the owner names a price: 5,000 USDC for one ETH, above the usual price. It only
 * decides which deposits are too small for their network fee, so a rough figure will do, and no price is queried over
 * the network.
 */
const ASSUMED_COIN_PRICE: CoinPrice = { token: amount(5_000_000_000n), coin: amount(10n ** 18n) };

export async function openSettling(surroundings: Surroundings, parts: SettlingParts) {
  const { clock, log, onClose } = surroundings;
  const { foundation, chain, node, wallet } = parts;
  const { records, ledger, settings } = foundation;
  const fees = createFeeRecorder({
    sender: createSender(node, wallet.accounts.gas, {
      feeMax: () => amount(settings.get().networkFeeMax),
    }),
    store: records,
    durability: foundation.database.durability,
    ledger,
    coinId: chain.coin.id,
    clock,
    log: log.child('fees'),
  });
  const channels = await openChannels(surroundings, parts, fees);
  fees.onReplaced((earlier, hash) => {
    channels.outbox.replace(earlier, hash);
    replacePending(records, earlier, hash);
  });
  const settlement = openSettlement(surroundings, parts, channels);
  onClose(endLeftJobs(foundation, channels));
  return { fees, channels, settlement, sender: fees.sender };
}

/** Ends the jobs whose end a disk did not take, once it takes writes again. Returns the unsubscribe. */
function endLeftJobs({ database, jobs }: Foundation, { channels }: Channels): () => void {
  return database.storage.onChange((fault) => {
    if (fault !== null) return;
    jobs.recoverLeft((channelId) => {
      const channel = channels.find(channelId);
      return channel === null ? null : amount(channel.chargedCumulativeAmount);
    });
  });
}

type Channels = Awaited<ReturnType<typeof openProviderChannels>>;

function openChannels(
  { terms }: Surroundings,
  { foundation, chain, wallet }: SettlingParts,
  fees: FeeRecorder,
): Promise<Channels> {
  return openProviderChannels({
    durability: foundation.database.durability,
    network: chain,
    payout: wallet.payout,
    authorizer: wallet.accounts.session,
    sender: fees.sender,
    store: foundation.records,
    withdrawDelaySeconds: terms.withdrawDelaySeconds,
    depositMin: amount(terms.depositMin),
    coinPrice: () => coinPriceOf(chain, foundation.settings.get().coinPriceMicroUsd) ?? ASSUMED_COIN_PRICE,
    recoverSigner,
  });
}

function openSettlement(
  { config, clock, changed, notices, log }: Surroundings,
  { foundation, chain, wallet, refreshBalances }: SettlingParts,
  channels: Channels,
): ScheduledSettlement {
  const { database, jobs, ledger, settings } = foundation;
  const claims = createChannelClaims(channels, clock);
  const books = {
    jobs,
    ledger,
    transaction: database.transaction,
    tokenId: chain.token.id,
    coinId: chain.coin.id,
    purpose: config.role === 'relay' ? ('relaying' as const) : ('jobs' as const),
  };
  recoverBooks(books, claims.accounts());
  const settlement = createSettlement({
    claims,
    clock,
    threshold: () => amount(settings.get().settleThreshold),
    coinPrice: () => coinPriceOf(chain, settings.get().coinPriceMicroUsd),
    awaitsBackup: () =>
      awaitsBackup({
        isPractice: chain.token.practice,
        payout: wallet.payout,
        own: wallet.accounts.funds.address,
        isBackedUp: wallet.backedUp(),
      }),
    log: log.child('settlement'),
  });
  settlement.onEvent((event) => {
    bookSettlement(books, event);
    if (event.type === 'waiting') {
      notices.show('settlement-waiting', { severity: 'warning', details: { reason: event.reason } });
    } else {
      notices.clear('settlement-waiting');
      refreshBalances();
    }
    changed('money', 'work');
  });
  return settlement;
}
