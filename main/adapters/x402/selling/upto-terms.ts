/** The requirement of an `upto` payment for a request, and the checks of one that need no chain. */
import { type Amount, amount } from '../../../../shared/money.ts';
import type { Clock } from '../../../ports/clock.ts';
import { UPTO_PROXY_ADDRESS } from '../../../ports/contracts.ts';
import type { RecoverSigner } from '../../../ports/evm.ts';
import type { SaleRefusal } from '../../../ports/payments.ts';
import { DEPOSIT_FEES } from './deposit-minimum.ts';
import { referenceOf } from './exact-authorization.ts';
import type { ProviderChannels } from './provider-channels.ts';
import type { Requirement } from './sale-refusals.ts';
import { permitCheck, UPTO, type UptoPayment } from './upto-authorization.ts';
import { VALID_SECONDS_MAX } from './used-payments.ts';

/** Time for which a client signs a permit: it is settled after the answer. */
const UPTO_SECONDS = 900;
/** A permit has to outlast the answer. */
const LEFT_SECONDS_MIN = 600;

export interface UptoTermsParts {
  readonly channels: ProviderChannels;
  readonly recoverSigner: RecoverSigner;
  readonly clock: Clock;
  readonly isUsed: (reference: string) => boolean;
}

export interface UptoTerms {
  /** The least that is settled: less than that isn't worth the fee. */
  least(): Amount;
  requirementOf(ceiling: Amount): Requirement;
  /** Returns the reason to refuse a payment, or null. */
  objectionTo(payment: UptoPayment): SaleRefusal | 'bad-signature' | null;
}

export function createUptoTerms({ channels, recoverSigner, clock, isUsed }: UptoTermsParts): UptoTerms {
  const { network, payout, sender } = channels.options;
  const isSigned = permitCheck(network, recoverSigner);

  function least(): Amount {
    const fee = channels.depositMin() / DEPOSIT_FEES;
    return amount(fee > 1n ? fee : 1n);
  }

  function areTermsOurs({ accepted, permit }: UptoPayment): boolean {
    const isSame = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
    const { permitted, witness, spender } = permit;
    return (
      accepted.network === network.id &&
      [accepted.asset, permitted.token].every((token) => isSame(token, network.token.address)) &&
      [accepted.payTo, witness.to].every((receiver) => isSame(receiver, payout)) &&
      isSame(witness.facilitator, sender.address) &&
      isSame(spender, UPTO_PROXY_ADDRESS) &&
      BigInt(permitted.amount) === BigInt(accepted.amount)
    );
  }

  return {
    least,
    requirementOf(ceiling) {
      const floor = least();
      return {
        scheme: UPTO,
        network: network.id as Requirement['network'],
        amount: (ceiling > floor ? ceiling : floor).toString(),
        asset: network.token.address,
        payTo: payout,
        maxTimeoutSeconds: UPTO_SECONDS,
        extra: {
          ...network.token.eip712,
          assetTransferMethod: 'permit2',
          facilitatorAddress: sender.address,
        },
      };
    },
    objectionTo(payment) {
      const { accepted, permit } = payment;
      if (!areTermsOurs(payment)) return 'other-terms';
      if (BigInt(accepted.amount) < least()) return 'payment-too-small';
      const nowS = BigInt(Math.floor(clock.now() / 1_000));
      const deadline = BigInt(permit.deadline);
      const isValid =
        BigInt(permit.witness.validAfter) <= nowS &&
        deadline >= nowS + BigInt(LEFT_SECONDS_MIN) &&
        deadline <= nowS + BigInt(VALID_SECONDS_MAX);
      if (!isValid) return 'payment-expired';
      if (isUsed(referenceOf(permit))) return 'payment-used';
      return isSigned(payment) ? null : 'bad-signature';
    },
  };
}
