/** The status as pages show it: the agent's, or that this page has lost its agent. */
import { statusOf } from '../shared/status.ts';
import type { ShownStatus } from './parts/glyph.tsx';
import { useStrings } from './parts/strings.ts';
import { useConnection, useSection } from './store.ts';

export function useShownStatus(): { status: ShownStatus; label: string } {
  const { t } = useStrings();
  const work = useSection('work');
  const connection = useConnection();
  const status: ShownStatus = connection.status === 'live' ? statusOf(work).status : 'offline';
  return { status, label: t(`status.${status}`) };
}
