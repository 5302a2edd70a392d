/** Reads from a request what to do if the provider pauses during the answer because its owner is back. */
import { AppError } from '../../../shared/errors.ts';
import { ON_PAUSE_HEADER } from '../../../shared/wire.ts';

export type OnPause =
  /** Another provider continues immediately, or the answer ends with `paused`. */
  | { readonly kind: 'elsewhere' }
  /** The first provider available within this time continues, the same one or another. */
  | { readonly kind: 'wait'; readonly waitMsMax: number }
  /** The answer ends with `paused`. */
  | { readonly kind: 'fail' };

const WAIT_SECONDS_DEFAULT = 120;
const WAIT_SECONDS_MAX = 600;

/** Reads `elsewhere` (the default without the header), `wait`, `wait;seconds=N` or `fail`; else fails with `bad-request`. */
export function readOnPause(header: string | undefined): OnPause {
  const given = header?.trim().toLowerCase() ?? 'elsewhere';
  if (given === 'elsewhere' || given === 'fail') return { kind: given };
  const match = /^wait(?:\s*;\s*seconds=(\d{1,3}))?$/.exec(given);
  const seconds = Number(match?.[1] ?? WAIT_SECONDS_DEFAULT);
  if (!match || seconds < 1 || seconds > WAIT_SECONDS_MAX) {
    throw new AppError(
      'bad-request',
      `Invalid header ${ON_PAUSE_HEADER}. Use elsewhere, wait, wait;seconds=1 to ${WAIT_SECONDS_MAX}, or fail.`,
      { details: { param: ON_PAUSE_HEADER, code: 'invalid_value' } },
    );
  }
  return { kind: 'wait', waitMsMax: seconds * 1_000 };
}
