/** The HTTP service of a relay that charges: its terms, and the allowance that each peer buys in steps. */
import { type Context, Hono } from 'hono';
import { isAppError } from '../../../shared/errors.ts';
import { type Amount, amount, ZERO } from '../../../shared/money.ts';
import { RELAY_ALLOWANCE_PATH, RELAY_STEP_BYTES, RELAY_TERMS_PATH } from '../../../shared/relaying.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  type AdmittedPayment,
  CHANNEL_PATH,
  PAYMENT_RESPONSE_HEADER,
  type PaymentGate,
} from '../../ports/payments.ts';
import type { Durability } from '../../ports/store.ts';
import type { Ledger } from '../ledger/index.ts';
import {
  answerFailures,
  createFailures,
  identifyResponses,
  limitBodies,
  type ReportUnexpected,
} from '../openai-http/index.ts';
import {
  askingOf,
  createAdmission,
  createFreeRequests,
  limitChainWork,
  PROVIDER_LIMITS,
  paidRequest,
  peerOf,
  responseOf,
} from '../provider/index.ts';
import type { Allowances } from './allowances.ts';

export interface RelayServiceParts {
  readonly gate: PaymentGate;
  readonly allowances: Allowances;
  /** The signed terms, see `createRelayTerms`. */
  readonly terms: () => Promise<string>;
  /** Base units of one step. */
  readonly price: () => Amount;
  readonly ledger: Pick<Ledger, 'relayingCharged'>;
  /** All or nothing over ledger and allowances. */
  readonly transaction: <T>(run: () => T) => T;
  readonly durability: Durability;
  readonly clock: Clock;
  /** Called with each peer that has paid. */
  readonly onSold?: (peer: string) => void;
  readonly onLimited?: (peer: string, limit: string) => void;
  readonly onUnexpected: ReportUnexpected;
}

/** The network sets the headers that identify the peer. */
export function createRelayingService(parts: RelayServiceParts): Hono {
  const { clock, gate, allowances, terms, price } = parts;
  const limits = PROVIDER_LIMITS;
  const free = createFreeRequests(clock, limits);
  const admitPayment = limitChainWork(gate, clock, limits);
  const places = createAdmission({
    waitingMax: limits.channelRequestsMax,
    perPeerMax: limits.channelRequestsPerPeerMax,
  });

  /** Passes a request to the payment gate, and an admitted payment to `use`. */
  async function pay(
    context: Context,
    ceiling: Amount,
    use: (payment: AdmittedPayment) => Promise<Response>,
  ): Promise<Response> {
    const asking = askingOf(context);
    const leave = places.enter({ ...asking, subnet: null }, { slots: 0, lane: '' });
    try {
      const admitted = await admitPayment(asking, paidRequest(context, ceiling, 'Relayed bytes'));
      if (admitted.kind === 'answered') return responseOf(admitted);
      free.takeBack(asking);
      return await use(admitted.payment);
    } finally {
      leave();
    }
  }

  const app = new Hono();
  identifyResponses(app);
  app.use(async (context, next) => {
    free.enter(askingOf(context));
    await next();
  });
  limitBodies(app);
  app.get(RELAY_TERMS_PATH, async (context) => context.text(await terms()));
  app.get(RELAY_ALLOWANCE_PATH, (context) => context.json(allowances.of(peerOf(context))));
  app.post(RELAY_ALLOWANCE_PATH, (context) => {
    const ceiling = price();
    return pay(context, ceiling, (payment) => sellStep(parts, context, { payment, ceiling }));
  });
  app.post(CHANNEL_PATH, (context) =>
    pay(context, ZERO, async (payment) => {
      await payment.cancel();
      return context.json({ opened: true });
    }),
  );
  answerFailures(app, createFailures(parts.onUnexpected), (error, _status, context) => {
    if (!isAppError(error)) return null;
    if (error.code === 'busy') parts.onLimited?.(peerOf(context), error.message);
    const { retryAfterS } = error.details;
    return typeof retryAfterS === 'number' ? retryAfterS : null;
  });
  return app;
}

/** Charges one step, and adds it to the peer's allowance together with its entry in the ledger. */
async function sellStep(
  { gate, allowances, ledger, transaction, durability, onSold }: RelayServiceParts,
  context: Context,
  { payment, ceiling }: { readonly payment: AdmittedPayment; readonly ceiling: Amount },
): Promise<Response> {
  const peer = peerOf(context);
  const { charged, cumulative, paymentResponse } = await payment.settle(ceiling);
  durability.defer(() =>
    transaction(() => {
      const { channelId } = payment;
      const assetId = gate.asset.id;
      ledger.relayingCharged({ side: 'sold', peer, channelId, assetId, amount: amount(charged), cumulative });
      allowances.add(peer, RELAY_STEP_BYTES);
    }),
  );
  await durability.durable();
  onSold?.(peer);
  return context.json(allowances.of(peer), 200, { [PAYMENT_RESPONSE_HEADER]: paymentResponse });
}
