/** Recovers charges whose response was lost: recorded before a voucher leaves, queried until the provider returns them. */

import { isAppError } from '../../../../shared/errors.ts';
import type { Amount } from '../../../../shared/money.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { PaidProvider } from '../../../ports/payments.ts';
import type { ClientChannelStorage } from '../wire.ts';
import { askCharge, type ChargeAnswer } from './ask-charge.ts';
import { askRequirements } from './ask-requirements.ts';
import type { BoughtEntry, BoughtRegister } from './bought-register.ts';
import { type BoughtChannel, type ChannelFinder, requirementOf } from './channel-finder.ts';
import type { LearnedCharge, PayerOptions } from './payer-options.ts';
import type { ChannelUse, ProviderChannels } from './provider-channels.ts';

/** The provider frees the channel once it has finished the request that we left. */
const BUSY_WAIT_MS = 250;
const BUSY_ATTEMPTS_MAX = 80;
const AWAY_WAIT_MS = 1_000;
const AWAY_ATTEMPTS_MAX = 3;

export interface LostChargesParts extends Pick<PayerOptions, 'onCharged'> {
  readonly network: ChainNetwork;
  readonly clock: Clock;
  readonly storage: ClientChannelStorage;
  readonly register: BoughtRegister;
  readonly channelOf: ChannelFinder;
  readonly channelsOf: (peer: string) => ProviderChannels;
}

export interface LostCharges {
  /** Records that a voucher for this amount is about to leave. Durable when it returns. */
  expect(use: ChannelUse, signed: bigint): void;
  /** Records that the charge of the last voucher is known. */
  known(channel: BoughtChannel): void;
  /** True if the charge of the channel's last voucher is unknown. */
  isUnknown(channelId: string): boolean;
  /**
   * Reports a total charge that a refusal proved, and records it as known. `isAccounted`: the purchase that was refused
   * accounts for it.
   */
  learned(channel: BoughtChannel, total: Amount, isAccounted: boolean): void;
  /** Reports a total charge that the chain shows. What was charged beyond it is still unknown. */
  claimed(channel: Pick<BoughtChannel, 'id' | 'peer'>, total: Amount, isAccounted: boolean): void;
  /** Records that the charge of the last voucher is rejected: it is neither queried nor learned from the provider. */
  dispute(channel: BoughtChannel): void;
  /**
   * Queries the charge of a channel that is about to be used, once, if it is unknown: another voucher would hide which of
   * two requests was charged.
   */
  ask(use: ChannelUse): Promise<{ readonly kind: 'known' } | QueryAnswer>;
  /**
   * Queries the charge in the background; releases the slot when it is known or further queries are pointless.
   * `onLearned` is called with the channel's total charge, now or when a later query in this run learns it.
   */
  resolve(use: ChannelUse, onLearned: (total: Amount) => void): void;
  unresolved(): readonly string[];
  synchronise(provider: PaidProvider): Promise<void>;
  idle(): Promise<void>;
}

export function createLostCharges(parts: LostChargesParts): LostCharges {
  const { clock, register } = parts;
  const running = new Set<Promise<void>>();
  const { listeners, report } = createReports(parts);
  const proven = (use: ChannelUse) => (total: Amount) =>
    report(use.channel, total, { isAccounted: false, isLatest: true });

  function inBackground(use: ChannelUse): Promise<void> {
    const work = queryRepeatedly(parts, use, proven(use)).finally(() => {
      running.delete(work);
      use.channels.pool.release(use.slot);
    });
    running.add(work);
    return work;
  }

  function channelFor(entry: BoughtEntry): BoughtChannel {
    const config = entry.config as BoughtChannel['config'];
    const terms = requirementOf({ config, networkId: parts.network.id });
    return parts.channelOf(entry.peer, entry.index, terms);
  }

  const lostEntries = (): readonly BoughtEntry[] => register.all().filter((entry) => entry.chargeUnknown);

  return {
    expect({ channel, slot }, signed) {
      register.note({
        channelId: channel.id,
        peer: channel.peer,
        index: slot.index,
        config: channel.config,
        lastUsedMs: clock.now(),
        chargeUnknown: true,
        isDisputed: false,
        signedMax: register.signedMaxWith(channel.id, signed),
      });
    },
    known(channel) {
      listeners.delete(channel.id);
      register.change(channel.id, { chargeUnknown: false });
    },
    isUnknown: (channelId) => register.isChargeUnknown(channelId),
    learned(channel, total, isAccounted) {
      report(channel, total, { isAccounted, isLatest: true });
      register.change(channel.id, { chargeUnknown: false });
    },
    claimed: (channel, total, isAccounted) => report(channel, total, { isAccounted, isLatest: false }),
    dispute: (channel) => register.change(channel.id, { chargeUnknown: false, isDisputed: true }),
    async ask(use) {
      if (!register.isChargeUnknown(use.channel.id)) return { kind: 'known' };
      return queryOnce(parts, use, proven(use));
    },
    resolve(use, onLearned) {
      listeners.set(use.channel.id, onLearned);
      // A failing listener reports its own error; the entry stays marked and is queried again.
      inBackground(use).catch(() => undefined);
    },
    unresolved: () => [...new Set(lostEntries().map((entry) => entry.peer))],
    async synchronise(provider) {
      const channels = parts.channelsOf(provider.peer);
      for (const entry of lostEntries().filter(({ peer }) => peer === provider.peer)) {
        const slot = channels.pool.takeNumber(entry.index);
        // In use: the running request learns the charge.
        if (slot === null) continue;
        await inBackground({ provider, channels, slot, channel: channelFor(entry) });
      }
    },
    async idle() {
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}

/** Tells the purchase that waits for a charge, then the ledger. */
function createReports({ onCharged }: Pick<LostChargesParts, 'onCharged'>) {
  /** By channel, until its charge is known: a provider that is away now may report it later in this run. */
  const listeners = new Map<string, (total: Amount) => void>();
  return {
    listeners,
    report(
      { id, peer }: Pick<BoughtChannel, 'id' | 'peer'>,
      total: Amount,
      { isAccounted, isLatest }: Pick<LearnedCharge, 'isAccounted' | 'isLatest'>,
    ): void {
      const listener = listeners.get(id);
      listeners.delete(id);
      listener?.(total);
      onCharged?.({
        ...{ peer, channelId: id, total, isLatest },
        isAccounted: isAccounted || listener !== undefined,
      });
    },
  };
}

/** `away`: the provider is unreachable. */
type QueryAnswer = ChargeAnswer | { readonly kind: 'away' };

/** Queries until the charge is known and recorded, the response proves nothing, or the attempts are used up. */
async function queryRepeatedly(
  parts: LostChargesParts,
  use: ChannelUse,
  onLearned: (total: Amount) => void,
): Promise<void> {
  const { clock } = parts;
  const pause = (delayMs: number): Promise<void> =>
    new Promise((resolve) => void clock.after(delayMs, resolve));
  let busy = 0;
  let away = 0;
  for (;;) {
    const answer = await queryOnce(parts, use, onLearned);
    if (answer.kind === 'known' || answer.kind === 'unknown') return;
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

async function queryOnce(
  parts: LostChargesParts,
  use: ChannelUse,
  onLearned: (total: Amount) => void,
): Promise<QueryAnswer> {
  const { register, storage } = parts;
  const { channel, slot } = use;
  const answer = await query(parts, use);
  if (answer.kind !== 'known') return answer;
  const balance = BigInt((await storage.get(channel.id))?.balance ?? '0');
  slot.spendable = balance - answer.total;
  slot.chargeConfirmed = true;
  onLearned(answer.total);
  register.change(channel.id, { chargeUnknown: false });
  return answer;
}

async function query(
  parts: LostChargesParts,
  { provider, channels, channel }: ChannelUse,
): Promise<QueryAnswer> {
  try {
    channels.requirements ??= await askRequirements(provider, parts.network);
    return await askCharge(provider, channel, channels.requirements);
  } catch (error) {
    // A broken connection has no error code of ours; every such error means that a later attempt may succeed.
    if (isAppError(error, 'unsupported')) return { kind: 'unknown' };
    return { kind: 'away' };
  }
}
