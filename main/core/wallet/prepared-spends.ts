/** Holds planned transfers until they are sent or expire. */
import { randomUUID } from 'node:crypto';
import type { PreparedSpend } from '../../../shared/api/wallet.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { SpendPlan } from './quote.ts';
import { preparedSpend } from './spend-summary.ts';

/** Time during which a plan may be sent or confirmed. */
export const PREPARED_MS = 300_000;
const PREPARED_MAX = 50;
/** A larger difference means that the clock was set. */
const CLOCK_STEP_MS_MIN = 1_000;

interface Prepared {
  readonly plan: SpendPlan;
  /** As announced when it was prepared, or by the present time of day if the clock was set since. */
  readonly expiresAtMs: number;
}

interface Waiting {
  readonly plan: SpendPlan;
  /** Monotonic. */
  readonly untilMs: number;
  /** Time of day, as announced. */
  readonly expiresAtMs: number;
}

export interface PreparedSpends {
  /** Fails with `busy` if too many plans are waiting. */
  add(plan: SpendPlan): PreparedSpend;
  /** Removes and returns a plan, so that it can be sent only once. Fails with `not-found` if it is used or expired. */
  take(id: string): Prepared;
}

export function createPreparedSpends(clock: Clock): PreparedSpends {
  const waiting = new Map<string, Waiting>();
  return {
    add(plan) {
      const nowMs = clock.monotonic();
      for (const [id, { untilMs }] of waiting) if (untilMs <= nowMs) waiting.delete(id);
      if (waiting.size >= PREPARED_MAX) {
        throw new AppError(
          'busy',
          `Too many transfers are prepared (${PREPARED_MAX}). Send one or wait 5 minutes.`,
        );
      }
      const id = randomUUID();
      const expiresAtMs = clock.now() + PREPARED_MS;
      waiting.set(id, { plan, untilMs: nowMs + PREPARED_MS, expiresAtMs });
      return preparedSpend(id, plan, expiresAtMs);
    },
    take(id) {
      const found = waiting.get(id);
      waiting.delete(id);
      const leftMs = found === undefined ? 0 : found.untilMs - clock.monotonic();
      if (found === undefined || leftMs <= 0) {
        throw new AppError('not-found', 'This transfer was already used or has expired. Prepare it again.');
      }
      const byNow = Math.round(clock.now() + leftMs);
      const wasSet = Math.abs(byNow - found.expiresAtMs) >= CLOCK_STEP_MS_MIN;
      return { plan: found.plan, expiresAtMs: wasSet ? byNow : found.expiresAtMs };
    },
  };
}
