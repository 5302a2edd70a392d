/**
 * Verifies vouchers of known channels whose chain state is recent, in this process and fast; everything else goes to
 * the facilitator. x402's server would do the same in JavaScript; instead it is configured so that no stored channel
 * is fresh enough, and therefore calls its facilitator, which is this one.
 */
import type { FacilitatorClient } from '@x402/core/server';
import type { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/server';
import type { RecoverSigner } from '../../../ports/evm.ts';
import type { SoldChannels } from '../sold-channels.ts';
import { type Channel, type ChannelTerms, parseVoucher } from '../wire.ts';
import { isSignedBy, type VoucherHashes } from './voucher-signature.ts';

type Verify = FacilitatorClient['verify'];
type Requirements = Parameters<Verify>[1];
type Verified = Awaited<ReturnType<Verify>>;

/** Validity of the stored chain state as given to x402's server: always expired, even if it is from the future. */
export const NEVER_FRESH_MS = Number.NEGATIVE_INFINITY;

export interface LocalVerificationOptions {
  readonly facilitator: FacilitatorClient;
  readonly scheme: BatchSettlementEvmScheme;
  readonly channels: SoldChannels;
  readonly hashes: VoucherHashes;
  readonly recoverSigner: RecoverSigner;
  /** Validity of a channel's stored chain state. */
  readonly freshMs: number;
}

/** Returns the facilitator with a fast path for ordinary vouchers; `settle` and `getSupported` are unchanged. */
export function verifyLocally(options: LocalVerificationOptions): FacilitatorClient {
  const { facilitator, scheme, channels, hashes, recoverSigner, freshMs } = options;
  return {
    settle: (payment, requirements) => facilitator.settle(payment, requirements),
    getSupported: () => facilitator.getSupported(),
    async verify(payment, requirements) {
      const paid = parseVoucher(payment.payload);
      const channel = paid === null ? null : channels.find(paid.voucher.channelId);
      if (paid === null || channel === null || !isFresh(channel, freshMs) || !namesKey(paid.channelConfig)) {
        return facilitator.verify(payment, requirements);
      }
      const { channelConfig, voucher } = paid;
      const refused = (reason: string): Verified => ({
        isValid: false,
        invalidReason: `invalid_batch_settlement_evm_${reason}`,
        payer: channelConfig.payer,
      });
      if (hashes.channelId(channelConfig) !== channel.channelId.toLowerCase()) {
        return refused('channel_id_mismatch');
      }
      const difference = differenceOf(channelConfig, requirements);
      if (difference !== null) return refused(difference);
      if (!isSignedBy(channelConfig.payerAuthorizer, voucher, hashes, recoverSigner)) {
        return refused('voucher_signature');
      }
      const promised = BigInt(voucher.maxClaimableAmount);
      if (promised > BigInt(channel.balance)) return refused('cumulative_exceeds_balance');
      if (promised <= BigInt(channel.totalClaimed)) return refused('cumulative_below_claimed');
      // The chain was not queried, so the time of its last check must not be renewed.
      scheme.mergeRequestContext(payment, { localVerify: true });
      return {
        isValid: true,
        payer: channelConfig.payer,
        extra: {
          channelId: voucher.channelId,
          balance: channel.balance,
          totalClaimed: channel.totalClaimed,
          withdrawRequestedAt: channel.withdrawRequestedAt,
          refundNonce: channel.refundNonce.toString(),
        },
      };
    },
  };
}

function isFresh(channel: Channel, freshMs: number): boolean {
  if (channel.onchainSyncedAt === undefined) return false;
  const ageMs = Date.now() - channel.onchainSyncedAt;
  // A check from the future was made before the clock was set back: its age is unknown.
  return ageMs >= 0 && ageMs <= freshMs;
}

/** Without a named key the payer may be a contract, and only the chain can verify its signature. */
function namesKey(config: ChannelTerms): boolean {
  return BigInt(config.payerAuthorizer) !== 0n;
}

/** Returns x402's name of the first term in which the channel differs from the requirements; null if none does. */
function differenceOf(config: ChannelTerms, requirements: Requirements): string | null {
  const { extra } = requirements;
  if (!same(config.receiver, requirements.payTo)) return 'receiver_mismatch';
  if (!same(config.receiverAuthorizer, extra.receiverAuthorizer)) return 'receiver_authorizer_mismatch';
  if (!same(config.token, requirements.asset)) return 'token_mismatch';
  return config.withdrawDelay === Number(extra.withdrawDelay) ? null : 'withdraw_delay_mismatch';
}

function same(address: string, required: unknown): boolean {
  return typeof required === 'string' && address.toLowerCase() === required.toLowerCase();
}
