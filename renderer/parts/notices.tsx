/** Notices for the owner: what happened, what it means for the money, what to do. */
import { useAction } from '../calls.ts';
import { agent, useSection } from '../store.ts';
import { ActionButton } from './button.tsx';
import { Note } from './note.tsx';
import { ProblemNote } from './problem.tsx';
import { useStrings } from './strings.ts';

export function Notices() {
  const { t } = useStrings();
  const { notices, host } = useSection('app');
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
        {notice.code === 'upgraded' && host === 'desktop' ? <Restart /> : null}
        {facts.length > 0 ? <p className="note-source">{facts.join(' · ')}</p> : null}
      </Note>
    );
  });
}

function Restart() {
  const { t } = useStrings();
  const { activeJobs } = useSection('work');
  const restart = useAction((_: null) => agent.app.restart({}));
  const isAsked = restart.busy || restart.result !== null;
  return (
    <>
      <p>
        <ActionButton isSmall isDisabled={isAsked} onPress={() => restart.run(null)}>
          {t('about.restart')}
        </ActionButton>
      </p>
      <p role="status">
        {isAsked ? t(activeJobs.length > 0 ? 'about.restartsLater' : 'about.restarting') : null}
      </p>
      <ProblemNote problem={restart.problem} />
    </>
  );
}
