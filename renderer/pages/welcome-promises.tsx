/** First run, step 1: what Idlewatt does and never does. */
import { useAction } from '../calls.ts';
import { buttonClass } from '../parts/button.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Icon } from '../parts/icon.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { StepHead } from '../parts/step-head.tsx';
import { useStrings } from '../parts/strings.ts';
import { systemOf } from '../parts/system.ts';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';

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
  const isOffice = profile === 'office';
  const does = [
    runWhen === 'always' ? 'always' : 'away',
    'back',
    'limits',
    isOffice ? 'own' : 'wallet',
  ] as const;
  return (
    <>
      <StepHead
        title={t(isOffice ? 'welcome.office.headline' : 'welcome.promises.title')}
        lead={t(isOffice ? 'welcome.office.lead' : 'welcome.promises.lead')}
      />
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
      {runWhen === 'idle' && !isOffice ? <ExampleDay /> : null}
      {profile === 'practice' ? <Note tone="practice">{t('welcome.practice')}</Note> : null}
      <OfficeChoice />
    </>
  );
}

/** Chooses the network of the owner's machines. It ends the introduction, because nothing is earned there. */
function OfficeChoice() {
  const { t } = useStrings();
  const { network, platform } = useSection('app');
  const choose = useAction(async (_: null) => {
    // First, because the other network takes this setting over.
    await agent.settings.change({ welcomeSeen: true });
    await agent.app.chooseNetwork({ network: 'office' });
    window.location.hash = hrefTo('machines');
  });
  if (network.isFixed || network.chosen === 'office') return null;
  return (
    <>
      <Note
        title={t('welcome.office.title')}
        action={
          <Confirm
            button={t('welcome.office.act')}
            className={buttonClass({ kind: 'plain', isSmall: true })}
            isDisabled={choose.busy}
            title={t('settings.network.ask', { network: t('settings.network.name.office') })}
            act={t('settings.network.act')}
            onAct={() => choose.run(null)}
          >
            <p>{t('settings.network.meaning.office')}</p>
            <p>{t(`settings.network.firewall.${systemOf(platform)}`)}</p>
            <p>{t(network.restarts ? 'settings.network.askText' : 'settings.network.nextStart')}</p>
          </Confirm>
        }
      >
        <p>{t('welcome.office.text')}</p>
      </Note>
      <ProblemNote problem={choose.problem} />
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
