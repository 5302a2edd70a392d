/**
 * A fake payment gate that fulfills the port's contract without a chain: vouchers are unsigned JSON, channels are in
 * memory, each channel has one request at a time, and a voucher must cover the charges so far plus the ceiling.
 */
import {
  type Admission,
  CHANNEL_PATH,
  type ChainWork,
  PAYMENT_HEADER,
  PAYMENT_RESPONSE_HEADER,
  type PaidRequest,
  type PaymentGate,
  type PaymentRefusal,
} from '../../main/ports/payments.ts';
import { type Amount, type Asset, amount } from '../../shared/money.ts';

export const FAKE_ASSET: Asset = { id: 'eip155:31337/0xfake', symbol: 'FAKE', decimals: 6, practice: true };
export const FAKE_PAYOUT = `0x${'11'.repeat(20)}`;

/** Content of the fake client's payment header, as base64 of JSON. */
export interface FakeVoucher {
  readonly channelId: string;
  readonly payer: string;
  readonly most: string;
  /** Makes the request one for a transaction. */
  readonly chainWork?: ChainWork;
}

export interface FakeGate extends PaymentGate {
  /** Charged so far on one channel. */
  charged(channelId: string): Amount;
  /** Total charge of all channels. */
  total(): Amount;
  readonly settles: readonly Amount[];
  cancels: number;
  /** Channels with a running request: must be empty after all requests have ended. */
  readonly busy: ReadonlySet<string>;
}

export function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64');
}

export function decode(text: string): unknown {
  return JSON.parse(Buffer.from(text, 'base64').toString());
}

export function createFakeGate(): FakeGate {
  const charged = new Map<string, bigint>();
  const busy = new Set<string>();
  const settles: Amount[] = [];
  const chargedOn = (channelId: string) => amount(charged.get(channelId) ?? 0n);

  function refuse(reason: PaymentRefusal, channelId?: string): Admission {
    const body = JSON.stringify({
      error: { message: reason, type: 'invalid_request_error', param: null, code: reason },
      charged: channelId === undefined ? '0' : chargedOn(channelId).toString(),
    });
    return { kind: 'answered', status: 402, headers: { 'content-type': 'application/json' }, body, reason };
  }

  const gate: FakeGate = {
    asset: FAKE_ASSET,
    payout: FAKE_PAYOUT,
    settles,
    cancels: 0,
    busy,
    charged: chargedOn,
    total: () => amount([...charged.values()].reduce((sum, value) => sum + value, 0n)),
    chainWork(request) {
      const header = request.header(PAYMENT_HEADER);
      return header === undefined ? null : ((decode(header) as FakeVoucher).chainWork ?? null);
    },
    standing: (request) => (request.header(PAYMENT_HEADER) === undefined ? 'none' : 'proven'),
    async admit(request: PaidRequest): Promise<Admission> {
      const header = request.header(PAYMENT_HEADER);
      if (header === undefined) return refuse('voucher-missing');
      const voucher = decode(header) as FakeVoucher;
      const { channelId, payer } = voucher;
      if (request.path === CHANNEL_PATH) {
        if (busy.has(channelId)) return refuse('channel-busy', channelId);
        const response = encode({ channelId, charged: '0', cumulative: chargedOn(channelId).toString() });
        return {
          kind: 'answered',
          status: 200,
          headers: { [PAYMENT_RESPONSE_HEADER]: response },
          body: '{}',
          reason: 'channel-ready',
        };
      }
      if (busy.has(channelId)) return refuse('channel-busy', channelId);
      if (BigInt(voucher.most) < chargedOn(channelId) + request.ceiling) {
        return refuse('voucher-too-small', channelId);
      }
      busy.add(channelId);
      let open = true;
      const close = () => {
        if (!open) throw new Error('settled or canceled twice');
        open = false;
        busy.delete(channelId);
      };
      return {
        kind: 'admitted',
        payment: {
          channelId,
          payer,
          async settle(wanted) {
            close();
            const now = wanted > request.ceiling ? request.ceiling : wanted;
            charged.set(channelId, chargedOn(channelId) + now);
            settles.push(now);
            const paymentResponse = encode({
              channelId,
              charged: now.toString(),
              cumulative: chargedOn(channelId).toString(),
            });
            return { charged: now, cumulative: chargedOn(channelId), paymentResponse };
          },
          abandon() {
            if (open) close();
          },
          async cancel() {
            close();
            gate.cancels += 1;
          },
        },
      };
    },
  };
  return gate;
}
