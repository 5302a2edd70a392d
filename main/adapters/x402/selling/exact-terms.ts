/** The requirement of an exact payment for a request, and the checks of one that need no chain. */
import type { Amount } from '../../../../shared/money.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { RecoverSigner } from '../../../ports/evm.ts';
import type { SaleRefusal } from '../../../ports/payments.ts';
import { authorizationCheck, EXACT, type ExactPayment, referenceOf } from './exact-authorization.ts';
import type { ProviderChannels } from './provider-channels.ts';
import type { Requirement } from './sale-refusals.ts';
import { VALID_SECONDS_MAX } from './used-payments.ts';

/** Time for which a client signs an exact payment. */
const EXACT_SECONDS = 120;
/** A payment has to stay valid for the block that collects it. */
const COLLECT_SECONDS = 6;

export interface ExactTermsParts {
  readonly channels: ProviderChannels;
  readonly recoverSigner: RecoverSigner;
  readonly clock: Clock;
  readonly isUsed: (reference: string) => boolean;
}

export interface ExactTerms {
  /** The requirement of a request with this maximum cost. A smaller payment than a deposit isn't worth its fee. */
  requirementOf(ceiling: Amount): Requirement;
  /** Returns the reason to refuse a payment, or null. */
  objectionTo(payment: ExactPayment): SaleRefusal | 'bad-signature' | null;
}

export function createExactTerms({ channels, recoverSigner, clock, isUsed }: ExactTermsParts): ExactTerms {
  const { network, payout } = channels.options;
  const isSigned = authorizationCheck(network, recoverSigner);

  function requirementOf(ceiling: Amount): Requirement {
    const least = channels.depositMin();
    return {
      scheme: EXACT,
      network: network.id as Requirement['network'],
      amount: (ceiling > least ? ceiling : least).toString(),
      asset: network.token.address,
      payTo: payout,
      maxTimeoutSeconds: EXACT_SECONDS,
      extra: { ...network.token.eip712, assetTransferMethod: 'eip3009' },
    };
  }

  function objectionTo(payment: ExactPayment): SaleRefusal | 'bad-signature' | null {
    const { accepted, authorization } = payment;
    const isSame = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
    if (accepted.network !== network.id || !isSame(accepted.asset, network.token.address))
      return 'other-terms';
    if (!isSame(accepted.payTo, payout) || !isSame(authorization.to, payout)) return 'other-terms';
    if (BigInt(authorization.value) !== BigInt(accepted.amount)) return 'other-terms';
    if (BigInt(accepted.amount) < channels.depositMin()) return 'payment-too-small';
    const nowS = BigInt(Math.floor(clock.now() / 1_000));
    const isValid =
      BigInt(authorization.validAfter) <= nowS &&
      BigInt(authorization.validBefore) >= nowS + BigInt(COLLECT_SECONDS) &&
      BigInt(authorization.validBefore) <= nowS + BigInt(VALID_SECONDS_MAX);
    if (!isValid) return 'payment-expired';
    if (isUsed(referenceOf(authorization))) return 'payment-used';
    return isSigned(payment) ? null : 'bad-signature';
  }

  return { requirementOf, objectionTo };
}
