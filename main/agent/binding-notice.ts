/**
 * Tells the owner that the signature with which the payout address vouches for this peer ends soon or has ended. Only where it was
 * signed elsewhere: a key on this machine signs again automatically.
 */
import type { SignedBinding } from '../../shared/identity.ts';
import type { Surroundings } from './surroundings.ts';

/** Time before the end from which the notice is shown. */
export const NOTICE_BEFORE_MS = 7 * 86_400_000;
const CHECK_MS = 60_000;

/** `signed` is read each time; null where nothing was signed elsewhere for this peer and its payout address. */
export function watchBinding(
  { clock, notices, log, onClose }: Pick<Surroundings, 'clock' | 'notices' | 'log' | 'onClose'>,
  signed: () => SignedBinding | null,
): void {
  const own = log.child('identity');
  let last: string | null = null;

  function check(): void {
    const binding = signed();
    const leftMs = binding === null ? Number.POSITIVE_INFINITY : binding.untilSeconds * 1_000 - clock.now();
    const code = leftMs <= 0 ? 'binding-ended' : leftMs <= NOTICE_BEFORE_MS ? 'binding-ends' : null;
    if (code !== 'binding-ended') notices.clear('binding-ended');
    if (code !== 'binding-ends') notices.clear('binding-ends');
    const state = `${code} ${binding?.untilSeconds}`;
    if (state === last) return;
    last = state;
    if (code === null || binding === null) return;
    const until = new Date(binding.untilSeconds * 1_000).toISOString().slice(0, 10);
    const details = { until, address: binding.payout };
    notices.show(code, { severity: 'warning', details });
    const words =
      code === 'binding-ends'
        ? 'The payout address’s signature about this peer ends soon: sign again with `identity message` and `identity bind`'
        : 'The payout address’s signature about this peer has ended: sign again with `identity message` and `identity bind`';
    own.warn(words, details);
  }

  check();
  const timer = clock.every(CHECK_MS, check);
  onClose(() => timer.cancel());
}
