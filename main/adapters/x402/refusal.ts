/** Turns the library's reasons into ours, each with a sentence that says what to do. */
import type { PaymentRefusal } from '../../ports/payments.ts';
import type { Channel, Payment } from './wire.ts';

const PREFIX = 'invalid_batch_settlement_evm_';

const REASONS: Readonly<Record<string, PaymentRefusal>> = {
  voucher_signature: 'bad-signature',
  receive_authorization_signature: 'bad-signature',
  channel_id_mismatch: 'other-channel',
  channel_id_invalid: 'other-channel',
  receiver_mismatch: 'other-channel',
  receiver_authorizer_mismatch: 'other-channel',
  token_mismatch: 'other-channel',
  network_mismatch: 'other-channel',
  withdraw_delay_mismatch: 'other-channel',
  withdraw_delay_out_of_range: 'other-channel',
  channel_not_found: 'deposit-too-small',
  cumulative_exceeds_balance: 'deposit-too-small',
  deposit_below_min_deposit: 'deposit-too-small',
  insufficient_balance: 'deposit-refused',
  deposit_simulation_failed: 'deposit-refused',
  deposit_transaction_failed: 'deposit-refused',
  payload_authorization_valid_before: 'deposit-refused',
  payload_authorization_valid_after: 'deposit-refused',
  cumulative_below_claimed: 'voucher-replayed',
  channel_busy: 'channel-busy',
  rpc_read_failed: 'chain-unavailable',
};

const SENTENCES: Readonly<Record<PaymentRefusal, string>> = {
  'voucher-missing': 'This request must be paid for: send a voucher for one of the offered requirements.',
  'voucher-malformed': 'The payment header cannot be read.',
  'bad-signature': 'The payment is not signed by the key that the channel names.',
  'voucher-too-small': 'The voucher does not cover what this request can cost.',
  'voucher-replayed': 'This voucher was used before.',
  'voucher-out-of-step': 'The voucher does not continue where the channel stands.',
  'other-channel': 'The voucher belongs to another channel, receiver, token or chain.',
  'deposit-too-small': 'The channel holds too little for this voucher: top it up.',
  'deposit-refused': 'The deposit could not be made.',
  'channel-busy': 'Another request of this channel is not finished.',
  'chain-unavailable': 'The chain is needed for this payment and does not answer.',
  'voucher-refused': 'The payment was refused.',
};

/** The sentence for people. */
export function refusalMessage(reason: PaymentRefusal): string {
  return SENTENCES[reason];
}

/** Our reason for the library's `error`, given the channel as it was kept before the request. */
export function classifyRefusal(
  error: string | undefined,
  payment: Payment | null,
  channel: Channel | null,
): PaymentRefusal {
  if (payment === null) return 'voucher-missing';
  const reason = error?.startsWith(PREFIX) ? error.slice(PREFIX.length) : '';
  if (reason === 'cumulative_amount_mismatch') return classifyStep(payment, channel);
  return REASONS[reason] ?? 'voucher-refused';
}

/** The voucher's sum is not what is charged so far plus the price: why not? */
function classifyStep(payment: Payment, channel: Channel | null): PaymentRefusal {
  const promised = BigInt(payment.payload.voucher.maxClaimableAmount);
  if (channel === null) {
    return promised < BigInt(payment.accepted.amount) ? 'voucher-too-small' : 'voucher-out-of-step';
  }
  if (
    promised <= BigInt(channel.signedMaxClaimable) &&
    payment.payload.voucher.signature === channel.signature
  ) {
    return 'voucher-replayed';
  }
  const charged = BigInt(channel.chargedCumulativeAmount);
  if (promised <= charged) return 'voucher-replayed';
  return promised < charged + BigInt(payment.accepted.amount) ? 'voucher-too-small' : 'voucher-out-of-step';
}
