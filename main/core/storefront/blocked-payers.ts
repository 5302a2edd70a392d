/** Refuses payers that the owner has blocked, whichever address they come from. */
import { AppError } from '../../../shared/errors.ts';
import type { PaymentGate } from '../../ports/payments.ts';
import type { BlockList } from './visitors.ts';

/** Returns the gate; a blocked payer's request is refused with its payment released. */
export function refuseBlocked(gate: PaymentGate, blocks: Pick<BlockList, 'has'>): PaymentGate {
  return {
    ...gate,
    async admit(request) {
      const admission = await gate.admit(request);
      if (admission.kind !== 'admitted' || !blocks.has(admission.payment.payer)) return admission;
      await admission.payment.cancel();
      throw new AppError('not-accepted', 'The owner of this storefront has blocked this payer.', {
        details: { code: 'blocked' },
      });
    },
  };
}
