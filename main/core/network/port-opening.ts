/**
 * Has the router lead one port to this machine while the owner allows it: for an hour at a time, asked for again well before
 * its end, and removed when this machine stops. What the router says is a hint: its address is announced only once public
 * nodes have reached this machine there.
 */
import type { PortOpeningState } from '../../../shared/reach.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Market, RoutedPort } from '../../ports/network.ts';
import type { MappingRefusal, PortMapper, PortMapping } from '../../ports/port-mapper.ts';
import { isPrivateIpv4, isPublicIpv4 } from './ip-ranges.ts';
import { within } from './within.ts';

export interface PortOpeningParts {
  readonly mapper: PortMapper;
  /** The address of the default router; null without a network. */
  readonly router: () => Promise<string | null>;
  readonly market: Pick<Market, 'listenPort' | 'usePort'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onChange: () => void;
}

/** Time for which the router is asked: after a crash, the port stays open until its end. */
export const LIFETIME_MS = 3_600_000;
/** Routers forget mappings when they restart. */
export const RENEW_MS_MAX = 20 * 60_000;
const RENEW_MS_MIN = 60_000;
export const RETRY_MS_MIN = 60_000;
export const RETRY_MS_MAX = 3_600_000;
const ASK_MS_MAX = 30_000;
const REMOVE_MS_MAX = 3_000;

type Failure = MappingRefusal | 'no-public-address';
/** A mapping with an address that can be tested. */
type Opened = PortMapping & { readonly externalHost: string };

const OFF: PortOpeningState = { state: 'off', by: null, port: null };

/** The owner's permission, and what came of it. */
export class PortOpening {
  readonly #parts: PortOpeningParts;
  #state = OFF;
  /** Null while it isn't allowed. */
  #allowed: AbortController | null = null;
  #opened: Opened | null = null;
  #endsAtMs = 0;
  #failures = 0;
  #timer: Timer | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: PortOpeningParts) {
    this.#parts = parts;
  }

  state(): PortOpeningState {
    return this.#state;
  }

  /** Starts or ends it. Returns immediately. */
  allow(isAllowed: boolean): void {
    if (isAllowed === (this.#allowed !== null)) return;
    this.#timer?.cancel();
    if (this.#allowed !== null) {
      this.#allowed.abort();
      this.#allowed = null;
      this.#enqueue(() => this.#close());
      this.#show(OFF);
      return;
    }
    this.#allowed = new AbortController();
    const { signal } = this.#allowed;
    this.#failures = 0;
    this.#show({ state: 'asking', by: null, port: null });
    this.#enqueue(() => this.#attempt(signal));
  }

  /** Resolves when the router was asked to remove the mapping. */
  stop(): Promise<void> {
    this.allow(false);
    return this.#running;
  }

  #show(next: PortOpeningState): void {
    this.#state = next;
    this.#parts.onChange();
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const answer = await this.#ask(signal).catch((cause: unknown): Failure => {
      this.#parts.log.debug('The router was not asked to the end', { cause: String(cause) });
      return 'no-router';
    });
    if (typeof answer === 'string') {
      if (!signal.aborted) this.#fail(answer, signal);
    } else if (signal.aborted) await this.#remove(answer);
    else this.#use(answer, signal);
  }

  async #ask(signal: AbortSignal): Promise<Opened | Failure> {
    const { router, market, mapper, clock } = this.#parts;
    const address = await router();
    // Only a router of a home or an office: one with a public address belongs to somebody else.
    if (address === null || !isPrivateIpv4(address)) return 'no-router';
    const internalPort = market.listenPort();
    if (internalPort === null) return 'invalid';
    const request = { router: address, internalPort, lifetimeMs: LIFETIME_MS };
    const answer = await within(clock, ASK_MS_MAX, signal, (limit) => mapper.map(request, limit));
    if (typeof answer === 'string') return answer;
    const { externalHost } = answer;
    const isSound = isPort(answer.externalPort) && answer.lifetimeMs > 0;
    if (isSound && externalHost !== null && isPublicIpv4(externalHost)) return { ...answer, externalHost };
    await this.#remove(answer);
    return isSound ? 'no-public-address' : 'invalid';
  }

  #use(mapping: Opened, signal: AbortSignal): void {
    const { clock, log, market } = this.#parts;
    const { by, externalHost, externalPort, lifetimeMs } = mapping;
    if (this.#opened?.externalPort !== externalPort || this.#opened.externalHost !== externalHost) {
      log.info('The router leads a port to this machine', { by, externalHost, externalPort });
    }
    this.#opened = mapping;
    this.#failures = 0;
    this.#endsAtMs = clock.monotonic() + lifetimeMs;
    market.usePort(routed(mapping));
    this.#show({ state: 'open', by, port: externalPort });
    this.#again(Math.max(RENEW_MS_MIN, Math.min(RENEW_MS_MAX, lifetimeMs / 2)), signal);
  }

  #fail(reason: Failure, signal: AbortSignal): void {
    const { clock, log, market } = this.#parts;
    this.#failures += 1;
    const waitMs = RETRY_MS_MIN * 4 ** Math.min(this.#failures - 1, 5);
    this.#again(Math.min(RETRY_MS_MAX, waitMs), signal);
    // A mapping that couldn't be renewed still lasts until its end.
    if (this.#opened !== null && clock.monotonic() < this.#endsAtMs) return;
    if (this.#state.state !== reason) log.info('The router leads no port to this machine', { reason });
    this.#opened = null;
    market.usePort(null);
    this.#show({ state: reason, by: null, port: null });
  }

  #again(delayMs: number, signal: AbortSignal): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(delayMs, () => this.#enqueue(() => this.#attempt(signal)));
  }

  #enqueue(work: () => Promise<void>): void {
    this.#running = this.#running.then(work);
  }

  async #close(): Promise<void> {
    const last = this.#opened;
    this.#opened = null;
    this.#parts.market.usePort(null);
    if (last !== null) await this.#remove(last);
  }

  #remove(mapping: PortMapping): Promise<void> {
    const { signal } = new AbortController();
    return within(this.#parts.clock, REMOVE_MS_MAX, signal, (limit) => mapping.remove(limit));
  }
}

function routed({ internalHost, internalPort, externalHost, externalPort }: Opened): RoutedPort {
  return { internalHost, internalPort, externalHost, externalPort };
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= 65_535;
}
