/** Queries a provider for a channel's total charge without buying anything: a voucher sent to the channel's own path. */
import { encodePaymentSignatureHeader } from '@x402/core/http';
import type { PaymentRequirements } from '@x402/core/types';
import { signVoucher } from '@x402/evm/batch-settlement/client';
import { type Amount, amount } from '../../../../shared/money.ts';
import type { Hex } from '../../../ports/evm.ts';
import {
  CHANNEL_PATH,
  PAYMENT_HEADER,
  PAYMENT_REQUIRED_HEADER,
  PAYMENT_RESPONSE_HEADER,
  type PaidProvider,
} from '../../../ports/payments.ts';
import type { BoughtChannel } from './channel-finder.ts';
import { correctChannel, isTemporary } from './channel-recovery.ts';
import { decodeRequired, isPauseCode, parseSettled, readBody, refusalCode } from './provider-responses.ts';

const ASK_TIMEOUT_MS = 10_000;
/** HTTP status of a provider that is asked too often. */
const TOO_MANY = 429;

/**
 * `busy`: the provider still works on the request in question, or on too many others. `paused`: it answers nothing now; `code`
 * is its reason. `unknown`: its response proves nothing.
 */
export type ChargeAnswer =
  | { readonly kind: 'known'; readonly total: Amount }
  | { readonly kind: 'busy' }
  | { readonly kind: 'paused'; readonly code: string | null }
  | { readonly kind: 'unknown' };

/**
 * Returns the channel's total charge so far. The voucher covers one base unit more than our record: the minimum
 * that the scheme accepts. A provider with a higher total proves it with a voucher of ours, and the channel's record
 * is corrected. Rejects when the provider is unreachable.
 */
export async function askCharge(
  provider: PaidProvider,
  channel: BoughtChannel,
  requirements: PaymentRequirements,
): Promise<ChargeAnswer> {
  const { storage, signer, voucherSigner } = channel.deps;
  const before = BigInt((await storage.get(channel.id))?.chargedCumulativeAmount ?? '0');
  const voucher = await signVoucher(
    voucherSigner ?? signer,
    channel.id as Hex,
    (before + 1n).toString(),
    channel.networkId,
  );
  const response = await provider.fetch(CHANNEL_PATH, {
    method: 'POST',
    signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
    headers: {
      [PAYMENT_HEADER]: encodePaymentSignatureHeader({
        x402Version: 2,
        accepted: { ...requirements, amount: '1' },
        payload: { type: 'voucher', channelConfig: channel.config, voucher },
      }),
    },
  });
  const body = await readBody(response);
  const paid = response.headers.get(PAYMENT_RESPONSE_HEADER);
  if (response.status === 200 && paid !== null) {
    const { extra } = parseSettled(paid);
    const total = extra.channelState.chargedCumulativeAmount;
    return extra.chargedAmount === 0n && total === before ? { kind: 'known', total } : { kind: 'unknown' };
  }
  const code = refusalCode(body);
  if (code === 'channel-busy' || response.status === TOO_MANY) return { kind: 'busy' };
  if (isPauseCode(code) || isTemporary(response.status)) return { kind: 'paused', code };
  const header = response.headers.get(PAYMENT_REQUIRED_HEADER);
  const required = response.status === 402 && header !== null ? decodeRequired(header) : null;
  if (required === null || !(await correctChannel(channel, required))) {
    return { kind: 'unknown' };
  }
  const after = await storage.get(channel.id);
  return { kind: 'known', total: amount(after?.chargedCumulativeAmount ?? '0') };
}
