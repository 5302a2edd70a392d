/** Notices for the owner: what happened, what it means for the money, what to do. */
import { useSection } from '../store.ts';
import { Note } from './note.tsx';
import { useStrings } from './strings.ts';

export function Notices() {
  const { t } = useStrings();
  const { notices } = useSection('app');
  return notices.map((notice) => {
    const facts = Object.entries(notice.details).map(([name, value]) => `${name}: ${value}`);
    return (
      <Note
        key={`${notice.code}-${facts.join()}`}
        tone={notice.severity}
        role={notice.severity === 'error' ? 'alert' : 'status'}
        title={t(`notice.${notice.code}.what`)}
      >
        <p>
          {t(`notice.${notice.code}.money`)} {t(`notice.${notice.code}.next`)}
        </p>
        {facts.length > 0 ? <p className="note-source">{facts.join(' · ')}</p> : null}
      </Note>
    );
  });
}
