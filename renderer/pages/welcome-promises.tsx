/** First run, step 1: what Idlewatt does and never does. */
import { Card, Columns } from '../parts/card.tsx';
import { Icon } from '../parts/icon.tsx';
import { Note } from '../parts/note.tsx';
import { StepHead } from '../parts/step-head.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

const NEVER = ['files', 'network', 'programs', 'account'] as const;
/** An example day, in hours. */
const DAY = [
  { key: 'night', hours: 7, isOwners: false },
  { key: 'morning', hours: 2, isOwners: true },
  { key: 'work', hours: 8, isOwners: false },
  { key: 'evening', hours: 6, isOwners: true },
  { key: 'late', hours: 1, isOwners: false },
] as const;

export function Promises() {
  const { t } = useStrings();
  const { profile } = useSection('app');
  const { runWhen } = useSection('settings');
  const does = [runWhen === 'always' ? 'always' : 'away', 'back', 'limits', 'wallet'] as const;
  return (
    <>
      <StepHead title={t('welcome.promises.title')} lead={t('welcome.promises.lead')} />
      <Columns>
        <section className="card pad">
          <h2>{t('welcome.promises.does')}</h2>
          <ul className="checks">
            {does.map((name) => (
              <li key={name}>
                <Icon name="check" />
                <span>{t(`welcome.does.${name}`)}</span>
              </li>
            ))}
          </ul>
        </section>
        <section className="card pad">
          <h2>{t('welcome.promises.never')}</h2>
          <ul className="checks is-never">
            {NEVER.map((name) => (
              <li key={name}>
                <Icon name="cross" />
                <span>{t(`welcome.never.${name}`)}</span>
              </li>
            ))}
          </ul>
        </section>
      </Columns>
      {runWhen === 'idle' ? <ExampleDay /> : null}
      {profile === 'practice' ? <Note tone="practice">{t('welcome.practice')}</Note> : null}
    </>
  );
}

function ExampleDay() {
  const { t } = useStrings();
  return (
    <Card label={t('welcome.day.label')} isPadded>
      <div className="ribbon" role="img" aria-label={t('welcome.day.alt')}>
        {DAY.map(({ key, hours, isOwners }) => (
          <span key={key} className={isOwners ? 'is-owners' : 'is-earning'} style={{ flex: hours }}>
            {key === 'late' ? null : (
              <>
                <span className="wide-only">{t(`welcome.day.${key}`)}</span>
                <span className="phone-only">{t(isOwners ? 'day.waiting' : 'day.working')}</span>
              </>
            )}
          </span>
        ))}
      </div>
      <div className="day-axis" aria-hidden="true">
        {['00', '06', '12', '18', '24'].map((mark) => (
          <span key={mark}>{mark}</span>
        ))}
      </div>
    </Card>
  );
}
