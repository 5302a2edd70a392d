/** What a request wants done when its provider's owner comes back in the middle of the answer. */
import { AppError } from '../../../shared/errors.ts';
import { ON_PAUSE_HEADER } from '../../../shared/wire.ts';

export type OnPause =
  /** Another provider goes on at once, or the answer ends with `paused`. */
  | { readonly kind: 'elsewhere' }
  /** Whoever serves again within this time goes on, the same provider or another. */
  | { readonly kind: 'wait'; readonly waitMsMax: number }
  /** The answer ends with `paused`. */
  | { readonly kind: 'fail' };

const WAIT_SECONDS_DEFAULT = 120;
const WAIT_SECONDS_MAX = 600;

/** Reads `elsewhere` (also when there is none), `wait`, `wait;seconds=N` or `fail`; else `bad-request`. */
export function readOnPause(header: string | undefined): OnPause {
  const given = header?.trim().toLowerCase() ?? 'elsewhere';
  if (given === 'elsewhere' || given === 'fail') return { kind: given };
  const match = /^wait(?:\s*;\s*seconds=(\d{1,3}))?$/.exec(given);
  const seconds = Number(match?.[1] ?? WAIT_SECONDS_DEFAULT);
  if (!match || seconds < 1 || seconds > WAIT_SECONDS_MAX) {
    throw new AppError(
      'bad-request',
      `Header '${ON_PAUSE_HEADER}': elsewhere, wait, wait;seconds=1 to ${WAIT_SECONDS_MAX}, or fail.`,
      { details: { param: ON_PAUSE_HEADER, code: 'invalid_value' } },
    );
  }
  return { kind: 'wait', waitMsMax: seconds * 1_000 };
}
