/** Sign of a status: a shape of its own for each, so that color is never the only difference. */
import type { Status } from '../../shared/status.ts';
import { Icon, type IconName } from './icon.tsx';

/** `offline`: this page has lost its agent, so the status is unknown. */
export type ShownStatus = Status | 'offline';

const SHAPES: Readonly<Record<ShownStatus, IconName>> = {
  earning: 'bolt',
  ready: 'bolt',
  waiting: 'person',
  paused: 'pause',
  starting: 'down',
  stopped: 'warning',
  offline: 'warning',
};

export function Glyph({ status, isSmall = false }: { status: ShownStatus; isSmall?: boolean }) {
  return (
    <span className={`glyph is-${status}${isSmall ? ' is-small' : ''}`} aria-hidden="true">
      <Icon name={SHAPES[status]} isSolid={status === 'earning'} />
    </span>
  );
}
