/** Warns that the page isn't current, and that neither jobs nor money depend on it. */
import { writeMoment } from './format.ts';
import { Note } from './parts/note.tsx';
import { useNow, useStrings } from './parts/strings.ts';
import { useConnection } from './store.ts';

export function StaleNote() {
  const { t, language } = useStrings();
  const { status, lostAtMs } = useConnection();
  const nowMs = useNow(10_000);
  if (status === 'live') return null;
  const refused = status === 'refused' || status === 'no-token';
  return (
    <Note tone="warning" role="status" title={t(refused ? 'line.refused.title' : 'line.reconnecting.title')}>
      <p>
        {refused
          ? t('line.refused.text')
          : t('line.reconnecting.text', { time: writeMoment(lostAtMs ?? nowMs, nowMs, language) })}
      </p>
    </Note>
  );
}
