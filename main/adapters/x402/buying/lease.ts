/** A payment lease: signs one voucher for one request, and updates the channel's record from the provider's response. */

import { encodePaymentSignatureHeader } from '@x402/core/http';
import type { PaymentRequirements } from '@x402/core/types';
import { signVoucher } from '@x402/evm/batch-settlement/client';
import { AppError } from '../../../../shared/errors.ts';
import { type Amount, amount, ZERO } from '../../../../shared/money.ts';
import { PAYMENT_REQUIRED_HEADER } from '../../../../shared/wire.ts';
import type { Hex } from '../../../ports/evm.ts';
import { type Charge, PAYMENT_HEADER, type PaymentLease } from '../../../ports/payments.ts';
import { type Durability, IMMEDIATE } from '../../../ports/store.ts';
import { learnFromRefusal, type RecoveryParts } from './channel-recovery.ts';
import type { LostCharges } from './lost-charges.ts';
import type { ChannelUse } from './provider-channels.ts';
import { headerOf, parseSettled } from './provider-responses.ts';

export interface LeaseParts extends RecoveryParts {
  readonly lost: LostCharges;
  readonly durability?: Durability | undefined;
}

/** The request that is paid for. */
export interface LeaseTerms {
  readonly requirement: PaymentRequirements;
  readonly path: string;
  readonly ceiling: Amount;
}

/** Starts a lease on a funded channel. The channel is released when the lease ends. */
export async function startLease(
  parts: LeaseParts,
  use: ChannelUse,
  { requirement, path, ceiling }: LeaseTerms,
): Promise<PaymentLease> {
  const { storage, lost, durability = IMMEDIATE } = parts;
  const { channels, slot, channel } = use;
  const known = await storage.get(channel.id);
  const before = BigInt(known?.chargedCumulativeAmount ?? '0');
  const voucher = await signVoucher(
    channel.deps.voucherSigner ?? channel.deps.signer,
    channel.id as Hex,
    (before + ceiling).toString(),
    channel.networkId,
  );
  const header = encodePaymentSignatureHeader({
    x402Version: 2,
    resource: { url: path, description: '', mimeType: '' },
    accepted: requirement,
    payload: { type: 'voucher', channelConfig: channel.config, voucher },
  });
  const wasOpen = lost.isUnknown(channel.id);
  const wasUnknown = !slot.chargeConfirmed || wasOpen;
  // Recorded before the voucher leaves, so that a lost charge is always queried later.
  durability.defer(() => lost.expect(use, before + ceiling));
  const close = onceOnly();
  const read = (paymentResponse: string) => readCharge(paymentResponse, channel.id, { before, ceiling });
  return {
    channelId: channel.id,
    headers: { [PAYMENT_HEADER]: header },
    read,
    async complete(paymentResponse) {
      close();
      try {
        const { charged, cumulative } = read(paymentResponse);
        await durability.defer(() => {
          lost.known(channel);
          return storage.set(channel.id, { ...known, chargedCumulativeAmount: cumulative.toString() });
        });
        slot.spendable = BigInt(known?.balance ?? '0') - cumulative;
        slot.refusals = 0;
        slot.chargeConfirmed = true;
        return { charged, cumulative };
      } catch (error) {
        slot.refusals += 1;
        throw error;
      } finally {
        channels.pool.release(slot);
      }
    },
    async refused({ status, headers, body }) {
      close();
      try {
        const required = headerOf(headers, PAYMENT_REQUIRED_HEADER);
        await learnFromRefusal(parts, use, { status, required, body });
        const total = amount((await storage.get(channel.id))?.chargedCumulativeAmount ?? '0');
        if (total > before) {
          // Without a lost response, this voucher alone can have been charged, or more of an earlier one than its receipt.
          slot.chargeConfirmed = true;
          lost.learned(channel, total, !wasUnknown);
          return { charged: amount(total - before), isExplained: wasUnknown };
        }
        // After any other status, a charge is possible; a 402 without a proof tells nothing of an earlier request.
        if (status === 402 && !wasOpen) lost.known(channel);
        return { charged: ZERO, isExplained: true };
      } finally {
        channels.pool.release(slot);
      }
    },
    async dispute() {
      close();
      lost.dispute(channel);
      channels.pool.giveUp(slot);
    },
    async abandon(onLearned) {
      close();
      lost.resolve(use, (total) =>
        onLearned?.({ charged: amount(total > before ? total - before : 0n), cumulative: total }),
      );
    },
  };
}

/** Reads the charge of one request. Fails with `bad-request` if it isn't within the ceiling and in step with the channel. */
function readCharge(
  paymentResponse: string,
  channelId: string,
  { before, ceiling }: { readonly before: bigint; readonly ceiling: bigint },
): Charge {
  const { extra } = parseSettled(paymentResponse);
  const charged = extra.chargedAmount;
  const cumulative = extra.channelState.chargedCumulativeAmount;
  if (charged < 0n || charged > ceiling || cumulative !== before + charged) {
    throw new AppError('bad-request', 'The provider’s charge differs from the agreed terms.', {
      details: {
        channelId,
        charged: charged.toString(),
        cumulative: cumulative.toString(),
        ceiling: ceiling.toString(),
        before: before.toString(),
      },
    });
  }
  return { charged, cumulative };
}

function onceOnly(): () => void {
  let open = true;
  return () => {
    if (!open) throw new Error('a lease ends once');
    open = false;
  };
}
