/** Corrects our record of a channel: from a provider's refusal, or from the chain. */
import type { PaymentRequired } from '@x402/core/types';
import { processCorrectivePaymentRequired, recoverChannel } from '@x402/evm/batch-settlement/client';
import { isAppError } from '../../../../shared/errors.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ClientChannelStorage } from '../wire.ts';
import { type BoughtChannel, requirementOf } from './channel-finder.ts';
import type { ChannelUse } from './provider-channels.ts';
import { checkRequirements, decodeRequired, isPauseCode, refusalCode } from './provider-responses.ts';

/** While a provider still works on a lost request, its channel is busy and an immediate retry is pointless. */
const BUSY_WAIT_MS = 500;

/** A response that refused a payment; `required` is its `payment-required` header. */
export interface RefusedResponse {
  readonly status: number;
  readonly required: string | null;
  readonly body: string;
}

export interface RecoveryParts {
  readonly network: ChainNetwork;
  readonly clock: Clock;
  readonly storage: ClientChannelStorage;
}

/** True for a refusal that is about the provider's state or its limits, not about the payment. */
export function isTemporary(status: number): boolean {
  return status === 429 || status === 503;
}

/** Updates record and requirements from a refusal; `channel-busy` and a provider that
 * takes nothing right now don't count against the channel. */
export async function learnFromRefusal(
  { network, clock, storage }: RecoveryParts,
  { channels, slot, channel }: ChannelUse,
  response: RefusedResponse,
): Promise<void> {
  const code = refusalCode(response.body);
  if (code === 'channel-busy') {
    slot.notBeforeMs = clock.monotonic() + BUSY_WAIT_MS;
    return;
  }
  if (isPauseCode(code)) return;
  // The provider takes nothing right now, which says nothing about the channel.
  if (isTemporary(response.status)) return;
  slot.refusals += 1;
  if (response.status !== 402 || response.required === null) return;
  const required = decodeRequired(response.required);
  if (required === null) return;
  channels.requirements = checkRequirements(required, network);
  if (await correctChannel(channel, required)) return;
  // No proof of the channel's state: the chain has its balance.
  if (code === 'deposit-too-small') await recoverBalance(channel, storage);
}

/**
 * Takes the provider's proof of the channel's state, a voucher of ours, into our record; false if it proves nothing.
 * x402's client reads the proof without a check, and fails with errors of any kind where it can't be read.
 */
export async function correctChannel(
  { deps }: Pick<BoughtChannel, 'deps'>,
  required: PaymentRequired,
): Promise<boolean> {
  try {
    return await processCorrectivePaymentRequired(deps, required);
  } catch (error) {
    // The chain's and the disk's failures are none of the proof's.
    if (isAppError(error)) throw error;
    return false;
  }
}

/**
 * Reads the channel's balance from the chain. The chain has only the claimed amount; a higher charge in our own
 * record takes precedence, in the same write.
 */
export async function recoverBalance(channel: BoughtChannel, storage: ClientChannelStorage): Promise<void> {
  const charged = BigInt((await storage.get(channel.id))?.chargedCumulativeAmount ?? '0');
  const keeping = {
    ...channel.deps.storage,
    set: (id: string, found: Parameters<ClientChannelStorage['set']>[1]) => {
      const claimed = BigInt(found.chargedCumulativeAmount ?? '0');
      const most = charged > claimed ? charged : claimed;
      return channel.deps.storage.set(id, { ...found, chargedCumulativeAmount: most.toString() });
    },
  };
  await recoverChannel({ ...channel.deps, storage: keeping }, requirementOf(channel));
}
