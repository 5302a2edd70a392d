/** Takes deposits back: through the provider's refund immediately, or by a withdrawal on the chain after its delay. */
import { encodePaymentSignatureHeader } from '@x402/core/http';
import { signVoucher } from '@x402/evm/batch-settlement/client';
import { AppError, isAppError } from '../../../../shared/errors.ts';
import { amount } from '../../../../shared/money.ts';
import { SETTLEMENT_ADDRESS } from '../../../ports/contracts.ts';
import type { ChainSender, Hex } from '../../../ports/evm.ts';
import {
  type BoughtChannelState,
  CHANNEL_PATH,
  type ChannelReturns,
  PAYMENT_HEADER,
  PAYMENT_REQUIRED_HEADER,
  type PaidProvider,
  type ReturnedDeposit,
} from '../../../ports/payments.ts';
import { isSettlementContract, pairOf, returnedBy, settlementCall } from '../chain/settlement-contract.ts';
import { channelKey } from '../wire.ts';
import { askRequirements } from './ask-requirements.ts';
import type { BoughtChannels } from './bought-channels.ts';
import type { BoughtEntry, BoughtRegister } from './bought-register.ts';
import { type BoughtChannel, type ChannelFinder, requirementOf } from './channel-finder.ts';
import { correctChannel, recoverBalance } from './channel-recovery.ts';
import type { PayerOptions } from './payer-options.ts';
import type { ProviderChannels } from './provider-channels.ts';
import { decodeRequired, refusalCode } from './provider-responses.ts';

const CHANNELS_PER_REQUEST = 50;
const REFUND_ATTEMPTS = 2;
/** Includes the time until the chain accepts the refund. */
const REFUND_TIMEOUT_MS = 90_000;
/** Blocks in which returns are searched; public nodes answer for about as many. */
const SEARCH_BLOCKS = 10_000;

export interface ReturnsParts extends Pick<PayerOptions, 'network' | 'chain' | 'sender' | 'onCharged'> {
  readonly storage: BoughtChannels;
  readonly register: BoughtRegister;
  readonly channelOf: ChannelFinder;
  readonly channelsOf: (peer: string) => ProviderChannels;
}

export function createChannelReturns(parts: ReturnsParts): ChannelReturns {
  const { chain, storage, register } = parts;

  function entryOf(channelId: string): BoughtEntry {
    const found = register.all().find((entry) => channelKey(entry.channelId) === channelId.toLowerCase());
    if (found === undefined)
      throw new AppError('not-found', 'Channel not found.', { details: { channelId } });
    return found;
  }

  function channelFor({ peer, index, config }: BoughtEntry): BoughtChannel {
    const terms = { config: config as BoughtChannel['config'], networkId: parts.network.id };
    return parts.channelOf(peer, index, requirementOf(terms));
  }

  async function returned(channelId: string): Promise<readonly ReturnedDeposit[]> {
    const logs = await chain.logs({
      address: SETTLEMENT_ADDRESS,
      topics: [null, channelId as Hex],
      fromBlock: Math.max(0, (await chain.height()) - SEARCH_BLOCKS),
    });
    return logs.flatMap((log) => {
      const sum = returnedBy(log);
      return sum === null ? [] : [{ channelId, txHash: log.hash, amount: amount(sum) }];
    });
  }

  /** Runs while no request uses the channel, then reads its balance from the chain. Fails with `busy`. */
  async function exclusively<T>(entry: BoughtEntry, run: (channel: BoughtChannel) => Promise<T>): Promise<T> {
    const { pool } = parts.channelsOf(entry.peer);
    const slot = pool.takeNumber(entry.index);
    if (slot === null)
      throw new AppError('busy', 'A request is using this channel. Try again when it has ended.');
    const channel = channelFor(entry);
    try {
      return await run(channel);
    } finally {
      slot.uncertain = true;
      slot.spendable = null;
      await recoverBalance(channel, storage).catch(() => undefined);
      pool.release(slot);
    }
  }

  return {
    channels: () => statesOf(parts, register.all()),
    returned,
    async refund(provider, channelId) {
      const entry = entryOf(channelId);
      await exclusively(entry, async (channel) => {
        const before = (await storage.get(channel.id))?.chargedCumulativeAmount ?? '0';
        await requestRefund(parts, provider, channel);
        const total = (await storage.get(channel.id))?.chargedCumulativeAmount ?? '0';
        // The provider proved charges whose responses were lost.
        if (total !== before) {
          const { peer, id: channelId } = channel;
          parts.onCharged?.({ peer, channelId, total: amount(total), isAccounted: false, isLatest: false });
        }
      });
      return returned(entry.channelId);
    },
    async withdraw(channelId) {
      const entry = entryOf(channelId);
      const [state] = await statesOf(parts, [entry]);
      if (state === undefined) throw new Error('a channel has a state');
      return exclusively(entry, () => withdraw(parts, entry, state));
    },
  };
}

/** Reads the channels' state from the chain, a batch per request. */
async function statesOf(
  parts: Pick<ReturnsParts, 'chain' | 'storage'>,
  entries: readonly BoughtEntry[],
): Promise<readonly BoughtChannelState[]> {
  if (entries.length === 0) return [];
  if (entries.length > CHANNELS_PER_REQUEST) {
    const first = await statesOf(parts, entries.slice(0, CHANNELS_PER_REQUEST));
    return [...first, ...(await statesOf(parts, entries.slice(CHANNELS_PER_REQUEST)))];
  }
  const { chain, storage } = parts;
  const calls = entries.flatMap(({ channelId }) => [
    settlementCall('channels', [channelId]),
    settlementCall('pendingWithdrawals', [channelId]),
  ]);
  const found = await chain.readContracts(calls);
  return Promise.all(
    entries.map(async (entry, index) => {
      const [balance, claimed] = pairOf(found[index * 2]);
      const [withdrawing, startedS] = pairOf(found[index * 2 + 1]);
      const recorded = BigInt((await storage.get(entry.channelId))?.chargedCumulativeAmount ?? '0');
      const charged = recorded > claimed ? recorded : claimed;
      const readyAtMs = Number(startedS + BigInt(entry.config.withdrawDelay)) * 1_000;
      return {
        channelId: entry.channelId,
        peer: entry.peer,
        balance: amount(balance),
        left: amount(balance > charged ? balance - charged : 0n),
        lastUsedMs: entry.lastUsedMs,
        withdrawal: startedS === 0n ? null : { amount: amount(withdrawing), readyAtMs },
      };
    }),
  );
}

/** Asks the provider for everything that it hasn't charged. The chain, not its response, shows what came back. */
async function requestRefund(
  { storage, channelsOf, network }: ReturnsParts,
  provider: PaidProvider,
  channel: BoughtChannel,
): Promise<void> {
  const channels = channelsOf(provider.peer);
  channels.requirements ??= await askRequirements(provider, network);
  for (let attempt = 1; ; attempt += 1) {
    const charged = (await storage.get(channel.id))?.chargedCumulativeAmount ?? '0';
    const signer = channel.deps.voucherSigner ?? channel.deps.signer;
    const voucher = await signVoucher(signer, channel.id as Hex, charged, channel.networkId);
    const header = encodePaymentSignatureHeader({
      x402Version: 2,
      accepted: { ...channels.requirements, amount: '1' },
      payload: { type: 'refund', channelConfig: channel.config, voucher },
    });
    const response = await provider.fetch(CHANNEL_PATH, {
      method: 'POST',
      signal: AbortSignal.timeout(REFUND_TIMEOUT_MS),
      headers: { [PAYMENT_HEADER]: header },
    });
    const body = await response.text();
    if (response.status === 200) return;
    const required = decodeRequired(response.headers.get(PAYMENT_REQUIRED_HEADER) ?? '');
    const isCorrected =
      response.status === 402 && required !== null && (await correctChannel(channel, required));
    if (isCorrected && attempt < REFUND_ATTEMPTS) continue;
    throw new AppError(
      'payment-required',
      'The provider did not refund the deposit. Withdraw it on-chain instead.',
      {
        details: { peer: provider.peer, status: response.status, reason: refusalCode(body) },
      },
    );
  }
}

/** Starts a withdrawal, or finishes one whose delay is over. */
async function withdraw(
  parts: ReturnsParts,
  entry: BoughtEntry,
  { left, withdrawal }: BoughtChannelState,
): Promise<Awaited<ReturnType<ChannelReturns['withdraw']>>> {
  const { channelId, config } = entry;
  if (withdrawal === null) {
    if (left === 0n) throw new AppError('bad-request', 'Nothing is left in this channel.');
    await send(parts, 'initiateWithdraw', [config, left]);
    const readyAtMs = (await parts.chain.time()) + config.withdrawDelay * 1_000;
    return { kind: 'started', readyAtMs };
  }
  if ((await parts.chain.time()) < withdrawal.readyAtMs) {
    return { kind: 'waiting', readyAtMs: withdrawal.readyAtMs };
  }
  const hash = await send(parts, 'finalizeWithdraw', [config]);
  const receipt = await parts.chain.receipt(hash);
  const events = (receipt?.logs ?? []).filter(({ address }) => isSettlementContract(address));
  const sum = events.reduce((total, log) => total + (returnedBy(log) ?? 0n), 0n);
  return { kind: 'returned', deposit: { channelId, txHash: hash, amount: amount(sum) } };
}

/** Resolves with the hash when the transaction is confirmed. */
async function send(
  { sender }: Pick<ReturnsParts, 'sender'>,
  functionName: string,
  args: readonly unknown[],
): Promise<Hex> {
  const own: ChainSender | undefined = sender;
  if (own === undefined) throw new AppError('unsupported', 'This wallet sends no transactions.');
  try {
    // The owner's transfers use nonces of the same account.
    own.forgetNonce();
    const hash = await own.writeContract(settlementCall(functionName, args));
    const receipt = await own.waitForReceipt(hash);
    if (receipt.status === 'success') return hash;
  } catch (error) {
    if (isAppError(error)) throw error;
    throw new AppError(
      'insufficient-funds',
      'The withdrawal was not sent. Check the wallet’s coin for the network fee.',
      {
        cause: error,
      },
    );
  }
  throw new AppError('payment-required', 'The chain reverted the withdrawal. Nothing was moved.');
}
