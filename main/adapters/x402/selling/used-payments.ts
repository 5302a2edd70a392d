/** Payments that were used: each counts once, even if it isn't collected. */
import { parseJson } from '../../../../shared/json.ts';
import { IMMEDIATE, type RecordStore } from '../../../ports/store.ts';
import { type Authorization, referenceOf } from './exact-authorization.ts';

/** By reference, with the time at which the payment expires in any case. */
const USED = 'x402-exact-used';

/**
 * Seconds for which a payment may still be valid when it arrives: one that is valid for years would be remembered as used
 * for years.
 */
export const VALID_SECONDS_MAX = 3_600;

type Used = Pick<Authorization, 'from' | 'nonce' | 'validBefore'>;

export interface UsedPayments {
  has(reference: string): boolean;
  /** On disk with the job's next step. */
  add(payment: Used): void;
  /** Forgets payments that expired before this time, in seconds since the epoch. */
  forgetBefore(nowS: number): void;
}

/** The signature of a payment that isn't collected is as good as a key to its payer's balance. */
export function createUsedPayments(store: RecordStore, durability = IMMEDIATE): UsedPayments {
  return {
    has: (reference: string) => store.get(USED, reference) !== null,
    add(payment: Used) {
      durability.defer(() => store.set(USED, referenceOf(payment), JSON.stringify(payment.validBefore)));
    },
    forgetBefore(nowS: number) {
      durability.defer(() => {
        for (const { key, value } of store.list(USED)) {
          if (BigInt(String(parseJson(value))) < BigInt(nowS)) store.delete(USED, key);
        }
      });
    },
  };
}
