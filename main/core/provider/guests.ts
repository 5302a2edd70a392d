/** Requesters that the owner lets in for free, alongside buyers: the same service, limits and engines, without a price. */

import type { JobSource } from '../../../shared/job-sources.ts';
import { FREE_PRICE } from '../../../shared/price.ts';
import type { PaymentGate } from '../../ports/payments.ts';
import type { Offers } from '../identity/index.ts';
import type { AdmitPayment } from './chain-work.ts';

export interface Guests {
  /** True for a peer whose jobs are free. The caller has checked that the owner allows it. */
  readonly isGuest: (peer: string) => boolean;
  /** Admits everything, and charges nothing. */
  readonly gate: PaymentGate;
}

/** The parts of the service that differ for guests. */
export interface GuestParts {
  readonly gate: PaymentGate;
  readonly offers: Offers;
  readonly admitPayment: AdmitPayment;
  readonly source: JobSource;
}

export function guestParts({ gate }: Pick<Guests, 'gate'>, offers: Offers): GuestParts {
  return {
    ...{ gate, source: 'bittensor' },
    admitPayment: (_asking, request) => gate.admit(request),
    offers: {
      async current() {
        const { offer, jws } = await offers.current();
        return {
          jws,
          offer: { ...offer, models: offer.models.map((model) => ({ ...model, price: FREE_PRICE })) },
        };
      },
    },
  };
}
