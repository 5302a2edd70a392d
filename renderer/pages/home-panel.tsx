/** State panel of Home: what happens now, why, and the one thing to do; at its end the live view. */
import { statusOf, waitsForOwner } from '../../shared/status.ts';
import { writeMoment } from '../format.ts';
import { ActionLink } from '../parts/button.tsx';
import { Glyph } from '../parts/glyph.tsx';
import { ChangeTimeButton, PauseButton, RemedyButton, StartButton, StartMenu } from '../parts/pause.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { useShownStatus } from '../shown-status.ts';
import { useConnection, useSection } from '../store.ts';
import { LiveView } from './home-live.tsx';

/** Longer sentences are set smaller, so that none is ever cut off: in a narrow window, and in every window. */
const SENTENCE_CHARACTERS_MAX = { narrow: 96, wide: 180 };

export function StatePanel() {
  const { t } = useStrings();
  const { status, label, sentence } = useShownStatus();
  const { narrow, wide } = SENTENCE_CHARACTERS_MAX;
  const size = sentence.length > wide ? ' is-long is-very-long' : sentence.length > narrow ? ' is-long' : '';
  return (
    <section className={`panel is-${status}`} aria-label={t('shell.status')}>
      <div className="panel-say">
        <div className="panel-state">
          <Glyph status={status} />
          <h1>{label}</h1>
          <Since />
        </div>
        <p className={`panel-why${size}`}>{sentence}</p>
        <PanelActions />
      </div>
      <LiveView />
    </section>
  );
}

function Since() {
  const { t, language } = useStrings();
  const { presence } = useSection('work');
  const { lostAtMs } = useConnection();
  const nowMs = useNow(60_000);
  const time = writeMoment(lostAtMs ?? presence.sinceMs, nowMs, language);
  return <span className="panel-since">{t('home.since', { time })}</span>;
}

/** The first action has the same place in every state; Pause is never the primary one. */
function PanelActions() {
  const { t } = useStrings();
  const work = useSection('work');
  const { status } = useConnection();
  const { remedy } = statusOf(work);
  return (
    <div className="panel-actions">
      <PauseButton isDisabled={status !== 'live'} />
      {work.presence.reason === 'paused-by-owner' ? (
        <ChangeTimeButton />
      ) : work.activeJobs.length > 0 ? (
        <ActionLink kind="quiet" href={hrefTo('jobs')}>
          {t('home.showJobs')}
        </ActionLink>
      ) : waitsForOwner(work.presence.reason) ? (
        <StartButton />
      ) : work.presence.reason === 'started-by-owner' ? (
        <StartMenu kind="quiet" />
      ) : (
        <RemedyButton remedy={remedy} />
      )}
    </div>
  );
}
