/** Shows a notice for as long as this machine's clock is wrong. */
import { describeDuration } from '../../shared/clocks.ts';
import { AppError } from '../../shared/errors.ts';
import { type Directory, watchClock } from '../core/network/index.ts';
import type { Money } from './money.ts';
import type { Surroundings } from './surroundings.ts';

export function openClockNotice(
  { terms, clock, log, notices, onClose }: Surroundings,
  { node }: Pick<Money, 'node'>,
  directory: Directory | null,
): void {
  const timer = watchClock({
    clock,
    log: log.child('clock'),
    chainMs: async () => {
      if (!terms.isPaid) throw new AppError('chain-unavailable', 'There is no chain where nothing is paid.');
      return node.time();
    },
    peers: directory,
    onChange(aheadMs) {
      if (aheadMs === null) {
        notices.clear('clock-wrong');
        return;
      }
      const clockIs = `${describeDuration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'behind' : 'ahead'}`;
      notices.show('clock-wrong', { severity: 'warning', details: { clock: clockIs } });
    },
  });
  onClose(() => timer.cancel());
}
