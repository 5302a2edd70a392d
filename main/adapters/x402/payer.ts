/** The gateway's purse: channels per provider, opened and topped up as needed, one voucher per request. */
import { encodePaymentSignatureHeader } from '@x402/core/http';
import type { PaymentRequirements } from '@x402/core/types';
import {
  createBatchSettlementEIP3009DepositPayload,
  processCorrectivePaymentRequired,
  recoverChannel,
  signVoucher,
} from '@x402/evm/batch-settlement/client';
import settlementArtifact from '../../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount, amountSchema } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Account, ChainReader, Hex } from '../../ports/evm.ts';
import {
  CHANNEL_PATH,
  PAYMENT_HEADER,
  PAYMENT_REQUIRED_HEADER,
  PAYMENT_RESPONSE_HEADER,
  type PaidProvider,
  type PaymentClient,
  type PaymentLease,
} from '../../ports/payments.ts';
import type { RecordStore } from '../../ports/store.ts';
import { type BoughtChannel, createChannelFinder, requirementOf } from './bought-channel.ts';
import { createBoughtRegister } from './bought-register.ts';
import { type ChannelPool, createChannelPool, type Slot } from './channel-pool.ts';
import { createBoughtChannels } from './channel-storage.ts';
import { createLostCharges } from './lost-charges.ts';
import {
  checkRequirements,
  decodeRequired,
  depositError,
  headerOf,
  parseSettled,
  refusalCode,
} from './provider-answers.ts';
import { type ClientChannelStorage, SETTLEMENT_ADDRESS } from './wire.ts';

export interface PayerOptions {
  readonly network: ChainNetwork;
  /** Owns the money in the channels. Signs deposits only. */
  readonly funds: Account;
  /** Signs vouchers. */
  readonly session: Account;
  readonly chain: ChainReader;
  readonly store: RecordStore;
  readonly clock: Clock;
  /** What a new channel, or a top-up, is given. */
  readonly deposit: Amount;
  /** The most that is ever put into one channel at once, whatever a provider asks. */
  readonly depositMax: Amount;
  /** Channels with one provider, so requests to it at once. */
  readonly channelsMax: number;
  /** A deposit that became final; for the ledger. */
  readonly onDeposit?: (deposit: PaidDeposit) => void;
  /** The answer to a deposit got lost: whether it was made, the chain alone will say. */
  readonly onDepositUnknown?: () => void;
  /** What a channel was charged in all, learned after an answer was lost; for the ledger. */
  readonly onCharged?: (charge: LearnedCharge) => void;
}

/** All that a channel was charged over its life. */
export interface LearnedCharge {
  readonly peer: string;
  readonly channelId: string;
  readonly total: Amount;
}

/** Money that moved from the wallet into a channel. */
export interface PaidDeposit {
  readonly peer: string;
  readonly channelId: string;
  readonly amount: Amount;
  /** In the channel now, with what was put in before. */
  readonly total: Amount;
  readonly txHash: string;
}

/** What is known of one provider. */
export interface ProviderChannels {
  readonly pool: ChannelPool;
  requirements: PaymentRequirements | null;
}

/** While a provider still works on a lost request its channel is busy; asking again at once helps nobody. */
const BUSY_WAIT_MS = 500;
const OPEN_ATTEMPTS = 3;
const ASK_TIMEOUT_MS = 10_000;
/** A deposit waits for the chain to take it. */
const DEPOSIT_TIMEOUT_MS = 90_000;

/** See the port. A warm channel costs no round trip: the requirements are kept, the price is ours. */
export function createPayer(options: PayerOptions): PaymentClient {
  const { network, clock } = options;
  const storage = createBoughtChannels(options.store);
  const channelOf = createChannelFinder({ ...options, storage });
  const register = createBoughtRegister(options.store);
  const purses = new Map<string, ProviderChannels>();
  const lost = createLostCharges({ ...options, storage, register, channelOf, purseOf, askRequirements });

  async function lease(provider: PaidProvider, path: string, ceiling: Amount): Promise<PaymentLease> {
    if (ceiling > options.depositMax) {
      throw new AppError('insufficient-funds', 'This request can cost more than a channel may hold.', {
        details: { ceiling: ceiling.toString(), depositMax: options.depositMax.toString() },
      });
    }
    const purse = purseOf(provider.peer);
    const slot = await purse.pool.take(ceiling);
    try {
      purse.requirements ??= await askRequirements(provider);
      const requirement = { ...purse.requirements, amount: ceiling.toString() };
      const channel = channelOf(provider.peer, slot.index, requirement);
      await fund(provider, purse, slot, channel, ceiling);
      return await startLease(provider, purse, slot, channel, requirement, path, ceiling);
    } catch (error) {
      purse.pool.give(slot);
      throw error;
    }
  }

  function purseOf(peer: string): ProviderChannels {
    const known = purses.get(peer);
    if (known !== undefined) return known;
    const later = (delayMs: number, run: () => void): void => void clock.after(delayMs, run);
    const purse: ProviderChannels = {
      pool: createChannelPool(options.channelsMax, () => clock.now(), later),
      requirements: null,
    };
    purses.set(peer, purse);
    return purse;
  }

  async function fund(
    provider: PaidProvider,
    purse: ProviderChannels,
    slot: Slot,
    channel: BoughtChannel,
    ceiling: Amount,
  ): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      if (slot.uncertain) await recoverBalance(channel);
      slot.uncertain = false;
      const known = (await storage.get(channel.id)) ?? (await recoverRecord(channel, purse));
      const charged = BigInt(known.chargedCumulativeAmount ?? '0');
      slot.spendable = BigInt(known.balance ?? '0') - charged;
      if (slot.spendable >= ceiling) return;
      if (attempt > OPEN_ATTEMPTS) {
        throw new AppError('payment-required', 'The provider does not take the deposit.', {
          details: { peer: provider.peer, channelId: channel.id },
        });
      }
      await deposit(provider, purse, slot, channel, ceiling, charged);
    }
  }

  async function recoverRecord(channel: BoughtChannel, purse: ProviderChannels) {
    if (purse.requirements === null) throw new Error('requirements come before channels');
    return recoverChannel(channel.deps, purse.requirements);
  }

  async function deposit(
    provider: PaidProvider,
    purse: ProviderChannels,
    slot: Slot,
    channel: BoughtChannel,
    ceiling: Amount,
    charged: bigint,
  ): Promise<void> {
    const requirement = { ...forceRequirement(purse), amount: '1' };
    const sum = depositSum(requirement, ceiling - (slot.spendable ?? 0n));
    const { payload, x402Version } = await createBatchSettlementEIP3009DepositPayload(
      channel.deps.signer,
      2,
      requirement,
      channel.config,
      sum.toString(),
      (charged + 1n).toString(),
      channel.deps.voucherSigner,
    );
    // Until the answer is here, whether the deposit was made is unknown.
    slot.uncertain = true;
    try {
      await relay();
    } finally {
      if (slot.uncertain) options.onDepositUnknown?.();
    }

    async function relay(): Promise<void> {
      const response = await provider.fetch(CHANNEL_PATH, {
        method: 'POST',
        signal: AbortSignal.timeout(DEPOSIT_TIMEOUT_MS),
        headers: {
          [PAYMENT_HEADER]: encodePaymentSignatureHeader({ x402Version, payload, accepted: requirement }),
        },
      });
      const body = await response.text();
      const paid = response.headers.get(PAYMENT_RESPONSE_HEADER);
      if (response.status !== 200 || paid === null) {
        await correct(purse, slot, channel, {
          status: response.status,
          required: response.headers.get(PAYMENT_REQUIRED_HEADER),
          body,
        });
        const code = refusalCode(body);
        if (code === 'voucher-replayed' || code === 'voucher-out-of-step' || code === 'voucher-too-small')
          return;
        throw depositError(provider.peer, code);
      }
      const settled = parseSettled(paid);
      const known = await storage.get(channel.id);
      const balance = BigInt(known?.balance ?? '0') + sum;
      await storage.set(channel.id, { ...known, balance: balance.toString() });
      slot.uncertain = false;
      options.onDeposit?.({
        peer: provider.peer,
        channelId: channel.id,
        amount: sum,
        total: amount(balance),
        txHash: settled.transaction,
      });
    }
  }

  function depositSum(requirement: PaymentRequirements, missing: bigint): Amount {
    const announced = amountSchema.safeParse(requirement.extra.minDeposit);
    const least = announced.success && announced.data > missing ? announced.data : missing;
    if (least > options.depositMax) {
      throw new AppError('insufficient-funds', 'The provider asks for a larger deposit than is allowed.', {
        details: { least: least.toString(), depositMax: options.depositMax.toString() },
      });
    }
    return amount(options.deposit > least ? options.deposit : least);
  }

  async function startLease(
    provider: PaidProvider,
    purse: ProviderChannels,
    slot: Slot,
    channel: BoughtChannel,
    requirement: PaymentRequirements,
    path: string,
    ceiling: Amount,
  ): Promise<PaymentLease> {
    const known = await storage.get(channel.id);
    const base = BigInt(known?.chargedCumulativeAmount ?? '0');
    const signer = channel.deps.voucherSigner ?? channel.deps.signer;
    const voucher = await signVoucher(signer, channel.id as Hex, (base + ceiling).toString(), network.id);
    const header = encodePaymentSignatureHeader({
      x402Version: 2,
      resource: { url: path, description: '', mimeType: '' },
      accepted: requirement,
      payload: { type: 'voucher', channelConfig: channel.config, voucher },
    });
    // Before the voucher leaves: whatever happens now, the charge will be asked after.
    lost.expect(channel, slot);
    let open = true;
    const close = (): void => {
      if (!open) throw new Error('a lease ends once');
      open = false;
    };
    return {
      channelId: channel.id,
      headers: { [PAYMENT_HEADER]: header },
      async complete(paymentResponse) {
        close();
        try {
          const settled = parseSettled(paymentResponse);
          const charged = settled.extra.chargedAmount;
          const cumulative = settled.extra.channelState.chargedCumulativeAmount;
          if (charged < 0n || charged > ceiling || cumulative !== base + charged) {
            throw new AppError('bad-request', 'The provider charged something else than was agreed.', {
              details: {
                channelId: channel.id,
                charged: charged.toString(),
                cumulative: cumulative.toString(),
                ceiling: ceiling.toString(),
                before: base.toString(),
              },
            });
          }
          await storage.set(channel.id, { ...known, chargedCumulativeAmount: cumulative.toString() });
          slot.spendable = BigInt(known?.balance ?? '0') - cumulative;
          slot.refusals = 0;
          lost.known(channel);
          return { charged, cumulative };
        } catch (error) {
          slot.refusals += 1;
          throw error;
        } finally {
          purse.pool.give(slot);
        }
      },
      async refused({ status, headers, body }) {
        close();
        try {
          const required = headerOf(headers, PAYMENT_REQUIRED_HEADER);
          await correct(purse, slot, channel, { status, required, body });
          // Any other answer leaves open whether it was charged.
          if (status === 402) lost.known(channel);
        } finally {
          purse.pool.give(slot);
        }
      },
      async abandon() {
        close();
        lost.resolve(provider, purse, slot, channel);
      },
    };
  }

  /** Learns from a refusal; what cannot be corrected counts against the channel. */
  async function correct(
    purse: ProviderChannels,
    slot: Slot,
    channel: BoughtChannel,
    response: { status: number; required: string | null; body: string },
  ): Promise<void> {
    slot.refusals += 1;
    const code = refusalCode(response.body);
    if (code === 'channel-busy') {
      slot.refusals -= 1;
      slot.notBeforeMs = clock.now() + BUSY_WAIT_MS;
      return;
    }
    if (response.status !== 402 || response.required === null) return;
    const required = decodeRequired(response.required);
    if (required === null) return;
    purse.requirements = checkRequirements(required, network);
    if (await processCorrectivePaymentRequired(channel.deps, required)) return;
    // No proof of where the channel stands: the chain says what it holds.
    if (code === 'deposit-too-small') await recoverBalance(channel);
  }

  /** The chain knows what was claimed; that more was charged since is known here, and kept in the same write. */
  async function recoverBalance(channel: BoughtChannel): Promise<void> {
    const charged = BigInt((await storage.get(channel.id))?.chargedCumulativeAmount ?? '0');
    const keeping = {
      ...storage,
      set: (id: string, found: Parameters<ClientChannelStorage['set']>[1]) => {
        const claimed = BigInt(found.chargedCumulativeAmount ?? '0');
        const most = charged > claimed ? charged : claimed;
        return storage.set(id, { ...found, chargedCumulativeAmount: most.toString() });
      },
    };
    await recoverChannel({ ...channel.deps, storage: keeping }, requirementOf(channel));
  }

  async function askRequirements(provider: PaidProvider): Promise<PaymentRequirements> {
    const response = await provider.fetch(CHANNEL_PATH, {
      method: 'POST',
      signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
    });
    await response.body?.cancel();
    const header = response.headers.get(PAYMENT_REQUIRED_HEADER);
    const required = response.status === 402 && header !== null ? decodeRequired(header) : null;
    if (required === null) {
      throw new AppError('peer-unreachable', 'The provider does not say how it is paid.', {
        details: { peer: provider.peer, status: response.status },
      });
    }
    return checkRequirements(required, network);
  }

  async function deposits(): Promise<readonly { channelId: string; total: Amount }[]> {
    const channelIds = storage.all().map((channel) => channel.channelId);
    if (channelIds.length === 0) return [];
    const held = await options.chain.readContracts(
      channelIds.map((id) => ({
        address: SETTLEMENT_ADDRESS,
        abi: settlementArtifact.abi,
        functionName: 'channels',
        args: [id],
      })),
    );
    return channelIds.map((channelId, index) => {
      const [balance] = held[index] as readonly [bigint, bigint];
      return { channelId, total: amount(balance) };
    });
  }

  const charges = () =>
    storage.all().map(({ channelId, charged }) => ({ channelId, total: amount(charged) }));

  return {
    lease,
    charges,
    deposits,
    unresolved: lost.unresolved,
    synchronise: lost.synchronise,
    idle: lost.idle,
  };
}

function forceRequirement(purse: ProviderChannels): PaymentRequirements {
  if (purse.requirements === null) throw new Error('requirements come before deposits');
  return purse.requirements;
}
