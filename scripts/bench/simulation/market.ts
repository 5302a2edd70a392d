/** The simulated network between buyers and providers: delay, departures, a split, and channels that book each charge. */

import type { Budget } from '../../../main/core/budget/index.ts';
import type { Network } from '../../../main/ports/network.ts';
import { PAYMENT_HEADER, type Payer, type PaymentLease } from '../../../main/ports/payments.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import { AUDITS_PATH, CHECK_REPORTS_PATH } from '../../../shared/wire.ts';
import type { Random, SimulatedClock } from './clock.ts';
import { type SimulatedProvider, serve } from './provider.ts';

interface Channel {
  readonly provider: SimulatedProvider;
  readonly id: string;
  /** By the provider's books, and by the buyer's. */
  charged: bigint;
  paid: bigint;
  isFree: boolean;
  /** A disputed bill that the provider claims on the chain. */
  claimed: bigint;
}

export interface Market {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly providers: ReadonlyMap<string, SimulatedProvider>;
  /** True while the two sides don't reach each other. */
  isSplit: boolean;
}

export interface Connection {
  readonly network: Pick<Network, 'fetch'>;
  readonly payer: Payer;
  /** Length of the answers to prompts that begin with this. */
  readonly totals: Map<string, number>;
  readonly channels: readonly Channel[];
  bytes(): number;
}

const GONE_MS = 10_000;
const LEARN_MS = 1_000;
const HEADERS_BYTES = 900;
/** Smallest deposit that a provider takes, in base units. */
const DEPOSIT_MIN = 20_000n;
/** Of a buyer with one provider, as in main/agent/buying.ts. */
const CHANNELS_MAX = 8;

/** Connects one buyer, whose deposits its budget limits. */
export function connect(market: Market, side: 0 | 1, budget: Pick<Budget, 'deposits'>): Connection {
  const { clock, random, providers } = market;
  const channels: Channel[] = [];
  const totals = new Map<string, number>();
  let bytes = 0;
  const isReachable = (provider: SimulatedProvider) =>
    provider.isOnline && (!market.isSplit || provider.side === side);
  const delay = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));

  async function fetchAnswer(peer: string, init: RequestInit): Promise<Response> {
    const provider = providers.get(peer);
    if (provider === undefined) throw gone();
    const left = whenAborted(init.signal ?? null);
    if (!isReachable(provider)) {
      // Most departures are noticed by the connection; behind a split nothing answers.
      await Promise.race([delay(market.isSplit ? GONE_MS : provider.roundTripMs), left]);
      throw gone();
    }
    await Promise.race([delay(provider.roundTripMs), left]);
    const body = String(init.body);
    bytes += body.length + HEADERS_BYTES;
    provider.bytes += body.length + HEADERS_BYTES;
    if (provider.running >= provider.offer.slots) return busy();
    const channelId = (init.headers as Record<string, string>)[PAYMENT_HEADER] ?? '';
    const channel = channels.find(({ id }) => id === channelId);
    if (channel === undefined) throw new Error('a request without a channel');
    return stream(provider, channel, { body, signal: init.signal ?? new AbortController().signal });
  }

  function stream(
    provider: SimulatedProvider,
    channel: Channel,
    { body, signal }: { readonly body: string; readonly signal: AbortSignal },
  ): Response {
    const asked = JSON.parse(body) as { prompt: string; max_tokens: number; seed: number };
    const { prompt, max_tokens: tokensMax, seed } = asked;
    const { push, read } = openPipe();
    const serving = serve({
      ...{ provider, channelId: channel.id, prompt, seed, tokensMax, clock, random },
      tokensTotal: totals.get(prompt.slice(0, KEY_CHARACTERS)) ?? tokensMax,
      charge(charged) {
        channel.charged += charged;
        provider.earned += charged;
        return channel.charged;
      },
      send(text) {
        bytes += text.length;
        provider.bytes += text.length;
        clock.after(provider.roundTripMs / 2, () => isReachable(provider) && push(text));
      },
      close: (isBroken) => clock.after(provider.roundTripMs / 2, () => push(isBroken ? 'broken' : 'end')),
    });
    signal.addEventListener(
      'abort',
      () => {
        push('broken');
        clock.after(provider.roundTripMs / 2, serving.leave);
      },
      { once: true },
    );
    return { status: 200, body: read(), headers: new Headers() } as unknown as Response;
  }

  async function fetchPath(peer: string, path: string, init: RequestInit): Promise<Response> {
    // The report of an alarm has no effect at the provider.
    if (path.startsWith(CHECK_REPORTS_PATH)) return new Response(null);
    if (path !== AUDITS_PATH) return fetchAnswer(peer, init);
    const provider = providers.get(peer);
    if (provider === undefined || !isReachable(provider)) throw gone();
    await delay(provider.roundTripMs);
    const text = JSON.stringify(provider.verdicts());
    bytes += text.length + HEADERS_BYTES;
    provider.bytes += text.length + HEADERS_BYTES;
    return new Response(text);
  }

  const payer = createPayer(market, budget, channels);
  return {
    network: { fetch: fetchPath },
    ...{ payer, totals, channels },
    bytes: () => bytes,
  };
}

/** Rejects when the buyer leaves. */
function whenAborted(signal: AbortSignal | null): Promise<never> {
  const left = new Promise<never>((_resolve, reject) =>
    signal?.addEventListener('abort', () => reject(new Error('left')), { once: true }),
  );
  left.catch(() => undefined);
  return left;
}

function busy(): Response {
  const error = { message: 'busy', type: 'x', param: null, code: 'busy' };
  return new Response(JSON.stringify({ error }), { status: 429, headers: { 'retry-after': '5' } });
}

function gone(): AppError {
  return new AppError('peer-unreachable', 'The peer is gone.');
}

/** Prompts differ in their first characters. */
export const KEY_CHARACTERS = 16;

interface Pipe {
  push(item: string): void;
  read(): AsyncGenerator<Uint8Array>;
}

/** Text on its way to a buyer. It is only iterated: the streams of the platform would cost most of the time. */
function openPipe(): Pipe {
  const queue: string[] = [];
  let wake: () => void = () => undefined;
  const encoder = new TextEncoder();
  return {
    push(item) {
      queue.push(item);
      wake();
    },
    async *read() {
      for (;;) {
        const item = queue.shift();
        if (item === 'broken') throw new Error('the connection broke');
        if (item === 'end') return;
        if (item !== undefined) yield encoder.encode(item);
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
  };
}

/** Pays through channels, each used by one request at a time; the budget decides about deposits, as in the agent. */
function createPayer(market: Market, budget: Pick<Budget, 'deposits'>, channels: Channel[]): Payer {
  const waiting: (() => void)[] = [];
  const onFree = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };

  /** Opens a channel unless the budget limits the provider to the ones that it has. */
  function open(provider: SimulatedProvider): Channel | null {
    const { peer } = provider;
    const held = channels.filter((each) => each.provider === provider && each.claimed === 0n);
    const most = budget.deposits.channelsMax(peer) ?? CHANNELS_MAX;
    if (held.length >= most) return null;
    budget.deposits.reserve({
      peer,
      least: amount(DEPOSIT_MIN),
      held: amount(DEPOSIT_MIN * BigInt(held.length)),
      charged: amount(held.reduce((sum, { paid }) => sum + paid, 0n)),
    });
    const channel = {
      provider,
      id: `${peer}/${channels.length}`,
      charged: 0n,
      paid: 0n,
      claimed: 0n,
      isFree: false,
    };
    channels.push(channel);
    return channel;
  }

  const find = (provider: SimulatedProvider) =>
    channels.find((each) => each.provider === provider && each.isFree) ?? null;

  return {
    async lease({ peer }, _path, ceiling) {
      const provider = market.providers.get(peer);
      if (provider === undefined) throw new AppError('peer-unreachable', 'Unknown peer.');
      for (;;) {
        const channel = find(provider) ?? open(provider);
        if (channel !== null) {
          channel.isFree = false;
          return lease(market, channel, { ceiling, onFree });
        }
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}

function lease(
  { clock }: Market,
  channel: Channel,
  { ceiling, onFree }: { readonly ceiling: Amount; readonly onFree: () => void },
): PaymentLease {
  const { id } = channel;
  const free = () => {
    channel.isFree = true;
    onFree();
  };
  const read = (text: string) => {
    const { charged, cumulative } = JSON.parse(text) as { charged: string; cumulative: string };
    if (BigInt(charged) > ceiling) throw new AppError('bad-request', 'The charge exceeds the ceiling.');
    return { charged: amount(charged), cumulative: amount(cumulative) };
  };
  return {
    channelId: id,
    headers: { [PAYMENT_HEADER]: id },
    read,
    async complete(text) {
      const charge = read(text);
      channel.paid = charge.cumulative;
      free();
      return charge;
    },
    // The channel stays out of use; the provider claims its bill.
    async dispute() {
      channel.claimed += channel.charged - channel.paid;
      onFree();
    },
    async refused() {
      free();
      return { charged: amount(0), isExplained: true };
    },
    async abandon(onLearned) {
      clock.after(LEARN_MS, () => {
        const charged = channel.charged - channel.paid;
        channel.paid = channel.charged;
        onLearned?.({ charged: amount(charged), cumulative: amount(channel.charged) });
        free();
      });
    },
  };
}
