/** Limits requests per minute and concurrent requests of each key; in memory, so a restart forgets it. */
import { AppError } from '../../../shared/errors.ts';
import type { KeyLimits } from '../../../shared/gateway-keys.ts';
import type { Clock } from '../../ports/clock.ts';
import { createRateLimit, type RateLimit } from '../rate-limit/index.ts';

const WINDOW_MS = 60_000;
const RETRY_CONCURRENT_S = 2;

type RateLimits = Pick<KeyLimits, 'requestsPerMinuteMax' | 'concurrentMax'> & { readonly id: string };

export interface KeyRates {
  /** Counts a request and returns the function that ends it. Fails with `busy`, with `details.retryAfterS`. */
  enter(key: RateLimits): () => void;
  forget(keyId: string): void;
}

export function createKeyRates(clock: Clock): KeyRates {
  const perMinute = new Map<string, RateLimit>();
  const running = new Map<string, number>();

  function limitOf({ id, requestsPerMinuteMax }: RateLimits): RateLimit | null {
    if (requestsPerMinuteMax === null) return null;
    const known = perMinute.get(id);
    if (known) return known;
    const message = `This API key is limited to ${requestsPerMinuteMax} requests per minute.`;
    const limit = createRateLimit({ clock, eventsMax: requestsPerMinuteMax, windowMs: WINDOW_MS, message });
    perMinute.set(id, limit);
    return limit;
  }

  return {
    enter(key) {
      const limit = limitOf(key);
      limit?.check(key.id);
      const count = running.get(key.id) ?? 0;
      if (key.concurrentMax !== null && count >= key.concurrentMax) {
        const message = `This API key is limited to ${key.concurrentMax} concurrent requests.`;
        throw new AppError('busy', message, { details: { retryAfterS: RETRY_CONCURRENT_S } });
      }
      limit?.note(key.id);
      running.set(key.id, count + 1);
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        const left = (running.get(key.id) ?? 1) - 1;
        if (left > 0) running.set(key.id, left);
        else running.delete(key.id);
      };
    },
    forget(keyId) {
      perMinute.delete(keyId);
    },
  };
}
