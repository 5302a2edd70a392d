/** Judges a payment header before the request's body is received: a stranger's body must not cost memory for nothing. */
import { PAYMENT_HEADER, type PaidRequest, type PaymentStanding } from '../../../ports/payments.ts';
import type { ProviderChannels } from './provider-channels.ts';
import { isSignedBy, isUnclaimable } from './voucher-signature.ts';

/** The parts of {@link ProviderChannels} that the judgment reads. */
export interface StandingParts extends Pick<ProviderChannels, 'hashes' | 'readPayment'> {
  readonly options: Pick<ProviderChannels['options'], 'recoverSigner'> & {
    readonly network: { readonly id: string };
  };
  readonly channels: {
    find(channelId: string): {
      readonly channelId: string;
      /** Base units. */
      readonly balance: string;
      /** Base units. */
      readonly chargedCumulativeAmount: string;
    } | null;
  };
}

/** See {@link PaymentStanding}. */
export function paymentStanding(
  { options, hashes, channels, readPayment }: StandingParts,
  request: Pick<PaidRequest, 'header'>,
): PaymentStanding {
  const header = request.header(PAYMENT_HEADER);
  if (header === undefined) return 'none';
  const payment = readPayment(header);
  if (payment === null) return 'refused';
  const { accepted, payload } = payment;
  const { channelConfig, voucher } = payload;
  if (accepted.network !== options.network.id || isUnclaimable(channelConfig, voucher, hashes))
    return 'refused';
  const channel = payload.type === 'voucher' ? channels.find(voucher.channelId) : null;
  if (channel === null || options.recoverSigner === undefined) return 'unproven';
  // Without a named key the payer may be a contract, and only the chain can verify its signature.
  if (BigInt(channelConfig.payerAuthorizer) === 0n) return 'unproven';
  if (hashes.channelId(channelConfig) !== channel.channelId.toLowerCase()) return 'refused';
  if (!isSignedBy(channelConfig.payerAuthorizer, voucher, hashes, options.recoverSigner)) return 'refused';
  const promised = BigInt(voucher.maxClaimableAmount);
  // Its money is spent: the same voucher could be presented for ever.
  if (promised <= BigInt(channel.chargedCumulativeAmount)) return 'refused';
  return promised <= BigInt(channel.balance) ? 'proven' : 'unproven';
}
