/** The lifetime of one request to a provider: it ends when the requester leaves or the provider is silent too long. */
import type { Clock, Timer } from '../../ports/clock.ts';
import { onAbort } from '../openai-http/index.ts';

export interface PurchaseConnection {
  /** Aborts the request to the provider. */
  readonly signal: AbortSignal;
  /** Aborts after this time, unless it is called again before; each sign of life from the provider does. */
  expect(withinMs: number): void;
  /** From now on the requester may leave without ending the request. */
  keepWithoutRequester(): void;
  abort(): void;
  /** Stops waiting, without an abort. */
  stopTimer(): void;
}

export function openConnection(clock: Clock, requester: AbortSignal): PurchaseConnection {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const keepWithoutRequester = onAbort(requester, abort);
  let timer: Timer | null = null;
  return {
    signal: controller.signal,
    expect(withinMs) {
      timer?.cancel();
      timer = clock.after(withinMs, abort);
    },
    keepWithoutRequester,
    abort,
    stopTimer: () => timer?.cancel(),
  };
}
