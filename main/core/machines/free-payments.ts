/**
 * Payment among the machines of one owner: nothing is paid. Every job still has its receipt, with its tokens and a charge of
 * zero. The peers are authenticated by their connection, and their role is checked before a request comes here.
 */
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Asset, ZERO } from '../../../shared/money.ts';
import type { OfferedModel } from '../../../shared/offer.ts';
import { CHANNEL_PATH, type PaymentClient, type PaymentGate } from '../../ports/payments.ts';

/** The channel's ID in jobs and receipts. */
const NO_CHANNEL = 'none';
/** The content of a payment response. */
const NOTHING = 'nothing';

/** The provider's side. `payout` is an address that never receives anything, because offers have one. */
export function createFreeGate(asset: Asset, payout: string): PaymentGate {
  return {
    asset,
    payout,
    chainWork: () => null,
    standing: () => 'proven',
    async admit({ path, method, header }) {
      if (path === CHANNEL_PATH || method !== 'POST') {
        return { kind: 'answered', status: 200, headers: {}, body: '{}', reason: 'channel-ready' };
      }
      return {
        kind: 'admitted',
        payment: {
          channelId: NO_CHANNEL,
          payer: header('x-peer-id') ?? '',
          async settle(charged) {
            assert(charged === ZERO, 'nothing is charged among machines of one owner');
            return { charged: ZERO, cumulative: ZERO, paymentResponse: NOTHING };
          },
          cancel: async () => undefined,
          abandon: () => undefined,
        },
      };
    },
  };
}

/** The buyer's side: leases cost nothing, and there are no channels whose deposit could come back. */
export function createFreePayer(): PaymentClient {
  const charge = { charged: ZERO, cumulative: ZERO };
  const read = (paymentResponse: string) => {
    if (paymentResponse !== NOTHING) {
      throw new AppError('bad-request', 'The provider charged for a job that is free.');
    }
    return charge;
  };
  const noChannel = () => new AppError('not-found', 'There are no deposits among machines of one owner.');
  return {
    async lease(provider, _path, ceiling) {
      if (ceiling !== ZERO) {
        throw new AppError('payment-required', 'Nothing is paid among machines of one owner.', {
          details: { peer: provider.peer },
        });
      }
      return {
        channelId: NO_CHANNEL,
        headers: {},
        read,
        complete: async (response) => read(response),
        dispute: async () => undefined,
        refused: async () => ({ charged: ZERO, isExplained: true }),
        abandon: async () => undefined,
      };
    },
    returns: {
      channels: async () => [],
      returned: async () => [],
      refund: async () => {
        throw noChannel();
      },
      withdraw: async () => {
        throw noChannel();
      },
    },
    unresolved: () => [],
    isChargeUnknown: () => false,
    synchronise: async () => undefined,
    charges: () => [],
    deposits: async () => [],
    idle: async () => undefined,
  };
}

/** True for a model that costs nothing. */
export function isFree({ price }: Pick<OfferedModel, 'price'>): boolean {
  return /^0+$/.test(price.inputPerMillion) && /^0+$/.test(price.outputPerMillion);
}
