/** Charges whose answer got lost: noted before a voucher leaves, asked after until the provider says what it took. */
import type { PaymentRequirements } from '@x402/core/types';
import { isAppError } from '../../../shared/errors.ts';
import type { PaidProvider } from '../../ports/payments.ts';
import { type BoughtChannel, type ChannelFinder, requirementOf } from './bought-channel.ts';
import type { BoughtEntry, BoughtRegister } from './bought-register.ts';
import type { Slot } from './channel-pool.ts';
import { askCharge, type ChargeAnswer } from './charge-question.ts';
import type { PayerOptions, ProviderChannels } from './payer.ts';
import type { ClientChannelStorage } from './wire.ts';

/** The provider frees the channel once it has concluded the request that we left. */
const BUSY_WAIT_MS = 250;
const BUSY_ATTEMPTS_MAX = 80;
const AWAY_WAIT_MS = 1_000;
const AWAY_ATTEMPTS_MAX = 3;

export interface LostChargesParts extends Pick<PayerOptions, 'clock' | 'onCharged' | 'network'> {
  readonly storage: ClientChannelStorage;
  readonly register: BoughtRegister;
  readonly channelOf: ChannelFinder;
  readonly purseOf: (peer: string) => ProviderChannels;
  readonly askRequirements: (provider: PaidProvider) => Promise<PaymentRequirements>;
}

export interface LostCharges {
  /** Before a voucher leaves. Durable when it returns. */
  expect(channel: BoughtChannel, slot: Slot): void;
  /** The charge of the last voucher is known. */
  known(channel: BoughtChannel): void;
  /** Asks in the background; gives the slot back when it is known, or when asking on helps nobody. */
  resolve(provider: PaidProvider, purse: ProviderChannels, slot: Slot, channel: BoughtChannel): void;
  unresolved(): readonly string[];
  synchronise(provider: PaidProvider): Promise<void>;
  idle(): Promise<void>;
}

export function createLostCharges(parts: LostChargesParts): LostCharges {
  const { clock, register, storage } = parts;
  const asking = new Set<Promise<void>>();

  const pause = (delayMs: number): Promise<void> =>
    new Promise((resolve) => void clock.after(delayMs, resolve));

  async function ask(
    provider: PaidProvider,
    purse: ProviderChannels,
    channel: BoughtChannel,
  ): Promise<ChargeAnswer | { readonly kind: 'away' }> {
    try {
      purse.requirements ??= await parts.askRequirements(provider);
      return await askCharge(provider, channel, purse.requirements);
    } catch (error) {
      // A broken connection has no code of ours; all of them mean: ask again another time.
      if (isAppError(error, 'unsupported')) return { kind: 'unknown' };
      return { kind: 'away' };
    }
  }

  async function askPatiently(
    provider: PaidProvider,
    purse: ProviderChannels,
    slot: Slot,
    channel: BoughtChannel,
  ): Promise<void> {
    let busy = 0;
    let away = 0;
    for (;;) {
      const answer = await ask(provider, purse, channel);
      if (answer.kind === 'known') {
        const balance = BigInt((await storage.get(channel.id))?.balance ?? '0');
        slot.spendable = balance - answer.total;
        register.change(channel.id, { chargeUnknown: false });
        parts.onCharged?.({ peer: channel.peer, channelId: channel.id, total: answer.total });
        return;
      }
      if (answer.kind === 'unknown') return;
      if (answer.kind === 'busy') {
        busy += 1;
        if (busy > BUSY_ATTEMPTS_MAX) return;
        await pause(BUSY_WAIT_MS);
      } else {
        away += 1;
        if (away > AWAY_ATTEMPTS_MAX) return;
        await pause(AWAY_WAIT_MS);
      }
    }
  }

  function inBackground(provider: PaidProvider, purse: ProviderChannels, slot: Slot, channel: BoughtChannel) {
    const work = askPatiently(provider, purse, slot, channel).finally(() => {
      asking.delete(work);
      purse.pool.give(slot);
    });
    asking.add(work);
    return work;
  }

  function channelFor(entry: BoughtEntry): BoughtChannel {
    const config = entry.config as BoughtChannel['config'];
    const terms = requirementOf({ config, networkId: parts.network.id } as BoughtChannel);
    return parts.channelOf(entry.peer, entry.index, terms);
  }

  const lostOnes = (): readonly BoughtEntry[] => register.all().filter((entry) => entry.chargeUnknown);

  return {
    expect(channel, slot) {
      register.note({
        channelId: channel.id,
        peer: channel.peer,
        index: slot.index,
        config: channel.config,
        lastUsedMs: clock.now(),
        chargeUnknown: true,
      });
    },
    known: (channel) => register.change(channel.id, { chargeUnknown: false }),
    resolve: (provider, purse, slot, channel) =>
      // A listener that fails has its own way of saying so; the mark stays and it is asked again.
      void inBackground(provider, purse, slot, channel).catch(() => undefined),
    unresolved: () => [...new Set(lostOnes().map((entry) => entry.peer))],
    async synchronise(provider) {
      const purse = parts.purseOf(provider.peer);
      for (const entry of lostOnes().filter(({ peer }) => peer === provider.peer)) {
        const slot = purse.pool.takeNumber(entry.index);
        // In use: the request that runs now will learn it.
        if (slot !== null) await inBackground(provider, purse, slot, channelFor(entry));
      }
    },
    async idle() {
      while (asking.size > 0) await Promise.allSettled(asking);
    },
  };
}
