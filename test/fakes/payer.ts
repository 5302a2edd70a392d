/** A fake payment client for the fake gate: channels without a chain, each used in series, several concurrently. */
import {
  CHANNEL_PATH,
  type Charge,
  PAYMENT_HEADER,
  PAYMENT_RESPONSE_HEADER,
  type PaidProvider,
  type Payer,
  type PaymentLease,
} from '../../main/ports/payments.ts';
import { AppError } from '../../shared/errors.ts';
import { type Amount, amount } from '../../shared/money.ts';
import { decode, encode } from './payment-gate.ts';

interface Channel {
  readonly id: string;
  charged: bigint;
  free: boolean;
}

export interface FakePayer extends Payer {
  /** Total paid according to this side's records. */
  paid(): bigint;
  readonly ends: ('completed' | 'refused' | 'abandoned' | 'disputed')[];
  /** Number of leases that aren't freed yet. */
  open(): number;
  /** Resolves when no charge is being queried. */
  idle(): Promise<void>;
  /** Lowers each channel's recorded charge by this much, so that the next voucher is too small. */
  forget(base: bigint): void;
}

let channels = 0;

async function openChannel(provider: PaidProvider): Promise<Channel> {
  channels += 1;
  const channel: Channel = { id: `channel-${channels}`, charged: 0n, free: false };
  const response = await provider.fetch(CHANNEL_PATH, {
    method: 'POST',
    headers: { [PAYMENT_HEADER]: encode({ channelId: channel.id, payer: 'payer', most: '0' }) },
  });
  await response.arrayBuffer();
  if (response.status !== 200 || !response.headers.get(PAYMENT_RESPONSE_HEADER)) {
    throw new AppError('payment-required', 'The channel could not be opened.');
  }
  return channel;
}

/** Queries the channel's total charge once the provider has ended its work; null if it can't be reached. */
async function learn(provider: PaidProvider, { id }: Channel): Promise<bigint | null> {
  for (;;) {
    const response = await provider
      .fetch(CHANNEL_PATH, {
        method: 'POST',
        headers: { [PAYMENT_HEADER]: encode({ channelId: id, payer: 'payer', most: '0' }) },
      })
      .catch(() => null);
    await response?.arrayBuffer().catch(() => undefined);
    if (response === null) return null;
    const paid = response.headers.get(PAYMENT_RESPONSE_HEADER);
    if (paid !== null) return BigInt((decode(paid) as { cumulative: string }).cumulative);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

function chargeIn(paymentResponse: string): Charge {
  const { charged, cumulative } = decode(paymentResponse) as { charged: string; cumulative: string };
  return { charged: amount(charged), cumulative: amount(cumulative) };
}

/** `now`: what a provider charges for what it refuses. */
function refusal(body: string): { readonly charged: bigint; readonly now: Amount } {
  const { charged, chargedNow } = JSON.parse(body) as { charged: string; chargedNow?: string };
  return { charged: BigInt(charged), now: amount(chargedNow ?? 0) };
}

export function createFakePayer(channelsPerProvider = 4): FakePayer {
  const pools = new Map<string, Channel[]>();
  const waiting: (() => void)[] = [];
  const ends: FakePayer['ends'] = [];
  const asking = new Set<Promise<void>>();
  let paid = 0n;

  async function take(provider: PaidProvider): Promise<Channel> {
    const pool = pools.get(provider.peer) ?? [];
    pools.set(provider.peer, pool);
    while (true) {
      const free = pool.find((channel) => channel.free);
      if (free) {
        free.free = false;
        return free;
      }
      if (pool.length < channelsPerProvider) {
        const made = await openChannel(provider);
        pool.push(made);
        return made;
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  }

  return {
    ends,
    paid: () => paid,
    async idle() {
      while (asking.size > 0) await Promise.all(asking);
    },
    open: () => [...pools.values()].flat().filter((channel) => !channel.free).length,
    forget(base) {
      for (const channel of [...pools.values()].flat()) channel.charged -= base;
    },
    async lease(provider, _path, ceiling): Promise<PaymentLease> {
      const channel = await take(provider);
      const most = (channel.charged + ceiling).toString();
      const free = (how: (typeof ends)[number]) => {
        if (channel.free) throw new Error('the lease was freed twice');
        channel.free = true;
        ends.push(how);
        waiting.shift()?.();
      };
      return {
        channelId: channel.id,
        headers: { [PAYMENT_HEADER]: encode({ channelId: channel.id, payer: 'payer', most }) },
        read: chargeIn,
        async dispute() {
          free('disputed');
          pools.set(
            provider.peer,
            (pools.get(provider.peer) ?? []).filter((other) => other !== channel),
          );
        },
        async complete(paymentResponse) {
          const charge = chargeIn(paymentResponse);
          free('completed');
          if (charge.charged > ceiling)
            throw new AppError('receipt-refused', 'The charge exceeds the ceiling.');
          channel.charged = charge.cumulative;
          paid += charge.charged;
          return charge;
        },
        async refused({ body }) {
          const { charged, now } = refusal(body);
          channel.charged = charged;
          paid += now;
          free('refused');
          return { charged: now, isExplained: now === 0n };
        },
        async abandon(onLearned) {
          const before = channel.charged;
          const learning = learn(provider, channel).then((total) => {
            if (total !== null) {
              channel.charged = total;
              paid += total - before;
              onLearned?.({ charged: amount(total - before), cumulative: amount(total) });
            }
            free('abandoned');
          });
          asking.add(learning);
          void learning.finally(() => asking.delete(learning));
        },
      };
    },
  };
}
