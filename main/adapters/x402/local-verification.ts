/**
 * Checks vouchers of channels that are known and lately seen on the chain, in this process and fast; all else
 * goes on to the facilitator. x402's server does the same in JavaScript; here it is left to think that it
 * never knows a channel, so that it asks its facilitator, which is us.
 */
import type { FacilitatorClient } from '@x402/core/server';
import type { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/server';
import type { RecoverSigner } from '../../ports/evm.ts';
import type { SoldChannels } from './channel-storage.ts';
import { isSignedBy, type VoucherHashes } from './voucher-signature.ts';
import { type Channel, type ChannelTerms, parseVoucher } from './wire.ts';

type Verify = FacilitatorClient['verify'];
type Requirements = Parameters<Verify>[1];
type Verified = Awaited<ReturnType<Verify>>;

/** Given to x402's server instead of the time for which a look at the chain is believed. */
export const NEVER_FRESH_MS = -1;

export interface LocalVerificationOptions {
  readonly facilitator: FacilitatorClient;
  readonly scheme: BatchSettlementEvmScheme;
  readonly channels: SoldChannels;
  readonly hashes: VoucherHashes;
  readonly recoverSigner: RecoverSigner;
  /** How long a look at the chain is believed. */
  readonly freshMs: number;
}

/** The facilitator with a short way for ordinary vouchers; `settle` and `getSupported` are untouched. */
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
      // The chain was not asked: when it was last seen must not be renewed.
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
  return channel.onchainSyncedAt !== undefined && Date.now() - channel.onchainSyncedAt <= freshMs;
}

/** Without a named key the payer may be a contract, and only the chain knows what it signs. */
function namesKey(config: ChannelTerms): boolean {
  return BigInt(config.payerAuthorizer) !== 0n;
}

/** In which term the channel is not the one that was asked for, as x402 names it. */
function differenceOf(config: ChannelTerms, requirements: Requirements): string | null {
  const { extra } = requirements;
  if (!same(config.receiver, requirements.payTo)) return 'receiver_mismatch';
  if (!same(config.receiverAuthorizer, extra.receiverAuthorizer)) return 'receiver_authorizer_mismatch';
  if (!same(config.token, requirements.asset)) return 'token_mismatch';
  return config.withdrawDelay === Number(extra.withdrawDelay) ? null : 'withdraw_delay_mismatch';
}

function same(address: string, asked: unknown): boolean {
  return typeof asked === 'string' && address.toLowerCase() === asked.toLowerCase();
}
