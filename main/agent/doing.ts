/** Opens the count of what the machine did today. */
import { createDoings, type Doings, doingOf } from '../core/presence/index.ts';
import type { Foundation } from './foundation.ts';
import type { Selling } from './selling.ts';
import type { Surroundings } from './surroundings.ts';

export function openDoings(
  { clock, onClose }: Surroundings,
  { calendar, records, presence }: Foundation,
  { provider }: Selling,
): Doings {
  const doings = createDoings({
    clock,
    calendar,
    records,
    doing: () => doingOf(presence.current(), provider.active().length),
  });
  onClose(() => doings.stop());
  return doings;
}
