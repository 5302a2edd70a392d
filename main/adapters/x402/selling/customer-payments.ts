/** Payments of single requests that aren't vouchers: from a prepaid balance, or settled after the answer. */
import { encodePaymentResponseHeader } from '@x402/core/http';
import { type Amount, ZERO } from '../../../../shared/money.ts';
import type { ArrivedPayment, CustomerAccounts, CustomerHold } from '../../../ports/customers.ts';
import type { AdmittedPayment } from '../../../ports/payments.ts';
import type { UptoPayment } from './upto-authorization.ts';
import type { Credit } from './upto-credit.ts';
import type { UptoSettlement } from './upto-settlement.ts';

/** The customer that pays, and the chain. */
interface Payer {
  readonly customerId: string;
  readonly payer: string;
  readonly network: string;
  readonly customers: Pick<CustomerAccounts, 'available' | 'charged' | 'payFor'>;
}

/** Pays from a balance. */
export function paidInAdvance(
  from: Payer & {
    readonly hold: CustomerHold;
    /** Of the payment that came with the request; empty if its balance covered it. */
    readonly transaction: string;
  },
): AdmittedPayment {
  const { customerId, payer, hold, transaction } = from;
  const once = createOnce();
  return {
    channelId: customerId,
    payer,
    async settle(wanted) {
      once.close();
      const { charged, cumulative } = hold.charge(wanted < ZERO ? ZERO : wanted);
      const paymentResponse = responseOf(from, { success: true, transaction, amount: charged });
      return { charged, cumulative, paymentResponse };
    },
    async cancel() {
      once.close();
      hold.release();
    },
    abandon() {
      if (once.closeIfOpen()) hold.release();
    },
  };
}

/** Pays after the answer, by a permit that was verified before it. */
export function paidAfterwards(
  from: Payer & {
    readonly payment: UptoPayment;
    readonly credit: Credit;
    readonly settlement: UptoSettlement;
    readonly ceiling: Amount;
    /** The least that is settled: the rest of it becomes the payer's balance. */
    readonly least: Amount;
  },
): AdmittedPayment {
  const { customerId, payer, customers, payment, credit, settlement, ceiling, least } = from;
  const once = createOnce();
  return {
    channelId: customerId,
    payer,
    async settle(wanted, job) {
      once.close();
      const used = wanted < ceiling ? wanted : ceiling;
      if (used <= ZERO) {
        credit.close();
        return nothingCharged(from, { success: true });
      }
      const value = used > least ? used : least;
      const pay = (arrived: ArrivedPayment) => ({
        ...customers.payFor(arrived, used),
        transaction: arrived.txHash,
      });
      const settled = await settlement
        .settle(payment, { value, used, job: job ?? null }, pay)
        .catch((error: unknown) => {
          credit.forgo(used);
          throw error;
        });
      if (settled.kind !== 'settled') {
        if (settled.kind === 'refused') credit.lose(used);
        else credit.forgo(used);
        return nothingCharged(from, { success: false, errorReason: 'settlement_failed' });
      }
      credit.close();
      const { charged, cumulative, transaction } = settled.recorded;
      const paymentResponse = responseOf(from, { success: true, transaction, amount: value });
      return { charged, cumulative, paymentResponse };
    },
    async cancel() {
      once.close();
      credit.close();
    },
    abandon() {
      if (once.closeIfOpen()) credit.close();
    },
  };
}

function nothingCharged(
  from: Payer,
  result: { readonly success: boolean; readonly errorReason?: string },
): Awaited<ReturnType<AdmittedPayment['settle']>> {
  const paymentResponse = responseOf(from, { ...result, transaction: '', amount: ZERO });
  return { charged: ZERO, cumulative: from.customers.charged(from.customerId), paymentResponse };
}

function responseOf(
  { customerId, payer, network, customers }: Payer,
  result: {
    readonly success: boolean;
    readonly errorReason?: string;
    readonly transaction: string;
    readonly amount: Amount;
  },
): string {
  return encodePaymentResponseHeader({
    ...result,
    network: network as `${string}:${string}`,
    payer,
    amount: result.amount.toString(),
    extra: { balance: customers.available(customerId).toString() },
  });
}

function createOnce() {
  let isOpen = true;
  return {
    close(): void {
      if (!isOpen) throw new Error('a payment is settled or canceled once');
      isOpen = false;
    },
    closeIfOpen(): boolean {
      const wasOpen = isOpen;
      isOpen = false;
      return wasOpen;
    },
  };
}
