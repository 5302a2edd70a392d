/** Maps the library's refusal reasons to ours, each with a sentence that names the remedy. */
import type { PaymentRefusal } from '../../../ports/payments.ts';
import type { Channel, Payment } from '../wire.ts';

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
  payload_authorization_valid_before: 'clock-wrong',
  payload_authorization_valid_after: 'clock-wrong',
  cumulative_below_claimed: 'voucher-replayed',
  channel_busy: 'channel-busy',
  rpc_read_failed: 'chain-unavailable',
};

const SENTENCES: Readonly<Record<PaymentRefusal, string>> = {
  'voucher-missing': 'This request requires payment. Send a voucher for one of the offered requirements.',
  'voucher-malformed': 'Invalid payment header. Send an x402 version 2 payment as base64 JSON.',
  'bad-signature': 'Invalid payment signature. Sign with the key that the channel names.',
  'voucher-too-small': 'The voucher doesn’t cover the maximum cost of this request. Sign a larger amount.',
  'voucher-replayed': 'This voucher was already used. Sign a new one.',
  'voucher-out-of-step':
    'The voucher doesn’t continue from the channel’s state. Start from the state in the payment-required header.',
  'other-channel':
    'The voucher is for another channel, receiver, token or chain. Use the offered requirements.',
  'deposit-too-small': 'The channel’s balance is too low for this voucher. Top up the channel.',
  'deposit-refused': 'The deposit failed. Check the payer’s balance and the validity of the authorization.',
  'clock-wrong':
    'The deposit’s authorization isn’t valid at this time. Check the clocks of payer and provider, and sign another one.',
  'channel-busy': 'Another request on this channel isn’t finished. Retry later or use another channel.',
  'chain-unavailable': 'This payment requires the chain, which is unavailable. Retry later.',
  'voucher-refused': 'The payment was refused.',
};

/** Returns the sentence for a refusal, for people. */
export function refusalMessage(reason: PaymentRefusal): string {
  return SENTENCES[reason];
}

/** Returns our reason for the library's `error`, given the channel's record from before the request. */
export function classifyRefusal(
  error: string | undefined,
  payment: Payment | null,
  channel: Channel | null,
): PaymentRefusal {
  if (payment === null) return 'voucher-missing';
  const reason = error?.startsWith(PREFIX) ? error.slice(PREFIX.length) : '';
  if (reason === 'cumulative_amount_mismatch') return classifyMismatch(payment, channel);
  return REASONS[reason] ?? 'voucher-refused';
}

/** Classifies a voucher whose amount is not the charges so far plus the price. */
function classifyMismatch(payment: Payment, channel: Channel | null): PaymentRefusal {
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
