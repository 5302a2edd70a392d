/** Funds a channel for one request: opens it, or tops it up when its balance doesn't cover the request's ceiling. */

import { encodePaymentSignatureHeader } from '@x402/core/http';
import type { PaymentRequirements } from '@x402/core/types';
import {
  createBatchSettlementEIP3009DepositPayload,
  recoverChannel,
  signVoucher,
} from '@x402/evm/batch-settlement/client';
import { AppError } from '../../../../shared/errors.ts';
import { type Amount, amount, amountSchema } from '../../../../shared/money.ts';
import { PAYMENT_REQUIRED_HEADER } from '../../../../shared/wire.ts';
import type { Hex } from '../../../ports/evm.ts';
import { CHANNEL_PATH, PAYMENT_HEADER, PAYMENT_RESPONSE_HEADER } from '../../../ports/payments.ts';
import type { BoughtRegister } from './bought-register.ts';
import type { SignedDeposit } from './channel-pool.ts';
import { learnFromRefusal, type RecoveryParts, recoverBalance } from './channel-recovery.ts';
import type { PayerOptions } from './payer-options.ts';
import type { ChannelUse } from './provider-channels.ts';
import { depositError, parseSettled, readBody, refusalCode } from './provider-responses.ts';

const DEPOSIT_ATTEMPTS = 3;
/** Includes the time until the chain accepts the deposit. */
const DEPOSIT_TIMEOUT_MS = 90_000;
/** A clock that is behind by more is corrected by this much: no node may make an authorization valid for years. */
const CLOCK_BEHIND_MS_MAX = 7 * 86_400_000;
/** A signed deposit is valid for at most this long, whatever the provider requires. */
const DEPOSIT_SECONDS_MAX = 600;
/** A signed deposit is sent again only if it is valid for this much longer: the chain needs time. */
const RESEND_MS_MIN = 60_000;
/** Refusals after which the record was corrected and another attempt makes sense. */
const RETRIED_CODES = ['voucher-replayed', 'voucher-out-of-step', 'voucher-too-small', 'deposit-too-small'];

export interface FundingParts
  extends RecoveryParts,
    Pick<PayerOptions, 'chain' | 'limits' | 'onDeposit' | 'onDepositUnknown'> {
  readonly register: BoughtRegister;
}

/** Resolves when the channel's unspent balance covers `ceiling`. */
export async function fundChannel(parts: FundingParts, use: ChannelUse, ceiling: Amount): Promise<void> {
  const { storage } = parts;
  const { provider, slot, channel } = use;
  for (let attempt = 1; ; attempt += 1) {
    if (slot.uncertain) await recoverBalance(channel, storage);
    slot.uncertain = false;
    const known =
      (await storage.get(channel.id)) ?? (await recoverChannel(channel.deps, requirementsOf(use)));
    const charged = BigInt(known.chargedCumulativeAmount ?? '0');
    slot.spendable = BigInt(known.balance ?? '0') - charged;
    if (slot.spendable >= ceiling) return;
    if (attempt > DEPOSIT_ATTEMPTS) {
      throw new AppError('payment-required', 'The provider doesn’t accept the deposit.', {
        details: { peer: provider.peer, channelId: channel.id },
      });
    }
    await deposit(parts, use, { missing: ceiling - slot.spendable, charged });
  }
}

async function deposit(
  parts: FundingParts,
  use: ChannelUse,
  { missing, charged }: { readonly missing: bigint; readonly charged: bigint },
): Promise<void> {
  const { slot, channel } = use;
  const requirement = { ...requirementsOf(use), amount: '1' };
  const known = slot.signedDeposit;
  // The provider's minimum may have risen; the limits count both deposits then.
  const isUsable =
    known !== null &&
    known.sum >= leastDeposit(requirement, missing) &&
    known.validUntilMs > parts.clock.now() + RESEND_MS_MIN;
  const signed = isUsable ? known : await signDeposit(parts, use, missing);
  slot.signedDeposit = signed;
  const voucher = await signVoucher(
    channel.deps.voucherSigner ?? channel.deps.signer,
    channel.id as Hex,
    (charged + 1n).toString(),
    channel.networkId,
  );
  const payload = { ...signed.payload, voucher };
  const header = encodePaymentSignatureHeader({ x402Version: 2, payload, accepted: requirement });
  // Until the response arrives, it is unknown whether the deposit was made.
  slot.uncertain = true;
  try {
    await sendDeposit(parts, use, signed.sum, header);
  } finally {
    if (slot.uncertain) parts.onDepositUnknown?.();
  }
}

/**
 * Returns the requirement with a time limit that ends as late on the chain's clock as asked: x402's client adds it to
 * this machine's clock, and the chain rejects an authorization that has ended on its own. Where the chain's last block is
 * old, this machine's clock may be right, and the later one counts.
 */
async function onChainTime(
  { chain, clock }: Pick<FundingParts, 'chain' | 'clock'>,
  requirement: PaymentRequirements,
): Promise<PaymentRequirements> {
  const nowMs = clock.now();
  // Without an answer this machine's clock has to do; the provider's node may still be available.
  const chainMs = await chain.time().catch(() => nowMs);
  const behindSeconds = Math.ceil(Math.min(Math.max(0, chainMs - nowMs), CLOCK_BEHIND_MS_MAX) / 1_000);
  return { ...requirement, maxTimeoutSeconds: requirement.maxTimeoutSeconds + behindSeconds };
}

/** Reserves the amount and signs. The channel is on record before, so that the money can be found and taken back. */
async function signDeposit(parts: FundingParts, use: ChannelUse, missing: bigint): Promise<SignedDeposit> {
  const { register, storage, limits, clock } = parts;
  const { slot, channel } = use;
  const announced = requirementsOf(use);
  const ids = new Set(
    register.all().flatMap(({ peer, channelId }) => (peer === channel.peer ? [channelId] : [])),
  );
  const states = await Promise.all([...ids.add(channel.id)].map((id) => storage.get(id)));
  const sumOf = (key: 'balance' | 'chargedCumulativeAmount') =>
    amount(states.reduce((sum, state) => sum + BigInt(state?.[key] ?? '0'), 0n));
  const sum = limits.reserve({
    peer: channel.peer,
    least: leastDeposit(announced, missing),
    held: sumOf('balance'),
    charged: sumOf('chargedCumulativeAmount'),
  });
  const isNew = register.add({
    channelId: channel.id,
    peer: channel.peer,
    index: slot.index,
    config: channel.config,
    lastUsedMs: clock.now(),
    chargeUnknown: false,
    isDisputed: false,
    signedMax: '1',
  });
  // A channel without a balance has no charges either.
  if (isNew && BigInt((await storage.get(channel.id))?.balance ?? '0') === 0n) slot.chargeConfirmed = true;
  const seconds = Math.min(announced.maxTimeoutSeconds, DEPOSIT_SECONDS_MAX);
  const { payload } = await createBatchSettlementEIP3009DepositPayload(
    channel.deps.signer,
    2,
    await onChainTime(parts, { ...announced, amount: '1', maxTimeoutSeconds: seconds }),
    channel.config,
    sum.toString(),
    '1',
    channel.deps.voucherSigner,
  );
  return { sum, validUntilMs: clock.now() + seconds * 1_000, payload };
}

/** Lets the provider relay the deposit to the chain, and records it when the response confirms it. */
async function sendDeposit(parts: FundingParts, use: ChannelUse, sum: Amount, header: string): Promise<void> {
  const { provider, slot, channel } = use;
  const response = await provider.fetch(CHANNEL_PATH, {
    method: 'POST',
    signal: AbortSignal.timeout(DEPOSIT_TIMEOUT_MS),
    headers: { [PAYMENT_HEADER]: header },
  });
  const body = await readBody(response);
  const paid = response.headers.get(PAYMENT_RESPONSE_HEADER);
  if (response.status !== 200 || paid === null) {
    const required = response.headers.get(PAYMENT_REQUIRED_HEADER);
    await learnFromRefusal(parts, use, { status: response.status, required, body });
    const code = refusalCode(body);
    if (code !== null && RETRIED_CODES.includes(code)) return;
    throw depositError(provider.peer, response.status, code);
  }
  const settled = parseSettled(paid);
  const known = await parts.storage.get(channel.id);
  const balance = BigInt(known?.balance ?? '0') + sum;
  await parts.storage.set(channel.id, { ...known, balance: balance.toString() });
  slot.uncertain = false;
  slot.signedDeposit = null;
  parts.onDeposit?.({
    peer: provider.peer,
    channelId: channel.id,
    amount: sum,
    total: amount(balance),
    txHash: settled.transaction,
  });
}

/** The amount that the request lacks, or the provider's announced minimum if that is more. */
function leastDeposit(requirement: PaymentRequirements, missing: bigint): Amount {
  const announced = amountSchema.safeParse(requirement.extra.minDeposit);
  return announced.success && announced.data > missing ? announced.data : amount(missing);
}

/** Fails with `payment-required` if the provider has changed its payout address since the channel was chosen. */
function requirementsOf({ channels, channel }: ChannelUse): PaymentRequirements {
  const { requirements } = channels;
  if (requirements === null) throw new Error('a channel is funded before its requirements are known');
  if (requirements.payTo.toLowerCase() !== channel.config.receiver.toLowerCase())
    throw new AppError('payment-required', 'The provider has changed its payout address.', {
      details: { peer: channel.peer, reason: 'other-payout' },
    });
  return requirements;
}
