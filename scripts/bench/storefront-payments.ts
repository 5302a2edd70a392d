/** Watches how long a storefront's gate takes for each kind of payment, and reads the gas of its transactions. */
import { decodePaymentSignatureHeader } from '@x402/core/http';
import { z } from 'zod';
import { SETTLEMENT_ADDRESS, UPTO_PROXY_ADDRESS } from '../../main/ports/contracts.ts';
import type { CustomerAccounts } from '../../main/ports/customers.ts';
import { PAYMENT_HEADER, type PaidRequest, type PaymentGate } from '../../main/ports/payments.ts';
import { payerCustomerId } from '../../shared/customers.ts';
import type { StorefrontMarket } from '../../test/contract/storefront-market.ts';
import type { SaleScheme } from '../../test/contract/storefront-payers.ts';

/** `collected`: with a transaction before the work; other exact payments are covered by a balance. */
export type CheckKind = SaleScheme | 'exact, collected';

export interface GateWatch {
  /** Returns the gate, watched. */
  around(gate: PaymentGate, customers: CustomerAccounts): PaymentGate;
  /** Milliseconds for all checks of a request until its admission, without the first ones of each kind, which load code. */
  times(kind: CheckKind): readonly number[];
}

const WARM_UP = 3;

export function createGateWatch(): GateWatch {
  const times = new Map<CheckKind, number[]>();
  /** Time of each payment's first check, on its arrival, by the payment's header. */
  const arrivals = new Map<string | undefined, number>();
  return {
    around: (gate, customers) => ({
      ...gate,
      standing(request) {
        const startMs = performance.now();
        const standing = gate.standing(request);
        arrivals.set(request.header(PAYMENT_HEADER), performance.now() - startMs);
        return standing;
      },
      async admit(request) {
        const kind = kindOf(request, customers);
        const header = request.header(PAYMENT_HEADER);
        const arrivalMs = arrivals.get(header) ?? 0;
        arrivals.delete(header);
        const startMs = performance.now();
        const admission = await gate.admit(request);
        const ms = arrivalMs + performance.now() - startMs;
        if (kind !== null && admission.kind === 'admitted') times.set(kind, [...(times.get(kind) ?? []), ms]);
        return admission;
      },
    }),
    times: (kind) => (times.get(kind) ?? []).slice(WARM_UP),
  };
}

const paymentSchema = z.object({
  accepted: z.object({ scheme: z.enum(['exact', 'upto', 'batch-settlement']) }),
  payload: z.object({
    type: z.string().optional(),
    authorization: z.object({ from: z.string() }).optional(),
    permit2Authorization: z.object({ from: z.string() }).optional(),
  }),
});

/** Null for a request without a payment, and for a deposit, which waits for the chain. */
function kindOf({ header, ceiling }: PaidRequest, customers: CustomerAccounts): CheckKind | null {
  const text = header(PAYMENT_HEADER);
  if (text === undefined) return null;
  const { accepted, payload } = paymentSchema.parse(decodePaymentSignatureHeader(text));
  if (accepted.scheme === 'batch-settlement') return payload.type === 'voucher' ? accepted.scheme : null;
  const from = (payload.authorization ?? payload.permit2Authorization)?.from ?? '';
  const isCovered = customers.available(payerCustomerId(from)) >= ceiling;
  return accepted.scheme === 'exact' && !isCovered ? 'exact, collected' : accepted.scheme;
}

const receiptsSchema = z.array(
  z.object({ from: z.string(), to: z.string().nullable(), gasUsed: z.coerce.number() }),
);

export interface GasUsed {
  readonly count: number;
  readonly total: number;
}

/** Adds up the gas of the storefront's transactions from now on, by the contract that each scheme calls. */
export interface GasMeter {
  /** Reads the blocks since the last call: a practice chain drops old ones. */
  read(): Promise<void>;
  used(scheme: SaleScheme): GasUsed;
}

export async function createGasMeter({ node, chain, selling }: StorefrontMarket): Promise<GasMeter> {
  const schemes = new Map<string, SaleScheme>([
    [chain.network.token.address.toLowerCase(), 'exact'],
    [UPTO_PROXY_ADDRESS.toLowerCase(), 'upto'],
    [SETTLEMENT_ADDRESS.toLowerCase(), 'batch-settlement'],
  ]);
  const used = new Map<SaleScheme, GasUsed>();
  let readTo = await node.height();
  const usedFor = (scheme: SaleScheme) => used.get(scheme) ?? { count: 0, total: 0 };
  return {
    used: usedFor,
    async read() {
      for (const last = await node.height(); readTo < last; readTo += 1) {
        const answer = await node.send('eth_getBlockReceipts', [`0x${(readTo + 1).toString(16)}`]);
        for (const { from, to, gasUsed } of receiptsSchema.parse(answer)) {
          const scheme = schemes.get((to ?? '').toLowerCase());
          if (scheme === undefined || from.toLowerCase() !== selling.gas.address.toLowerCase()) continue;
          const { count, total } = usedFor(scheme);
          used.set(scheme, { count: count + 1, total: total + gasUsed });
        }
      }
    },
  };
}
