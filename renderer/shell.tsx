/** The frame around every page: navigation, the state of the line to the agent, and the page that is open. */
import { type ComponentType, useEffect, useRef } from 'react';
import { I18nProvider } from 'react-aria-components';
import { statusOf } from '../shared/status.ts';
import { writeMoment } from './format.ts';
import { Earnings } from './pages/earnings.tsx';
import { Home } from './pages/home.tsx';
import { Jobs } from './pages/jobs.tsx';
import { Machine } from './pages/machine.tsx';
import { Models } from './pages/models.tsx';
import { Settings } from './pages/settings.tsx';
import { Use } from './pages/use.tsx';
import { Wallet } from './pages/wallet.tsx';
import { Icon } from './parts/icon.tsx';
import { StatusMark } from './parts/status-mark.tsx';
import { useNow, useStrings } from './parts/strings.ts';
import { hrefTo, PAGES, type Page, useRoute } from './route.ts';
import { useLink, useSection } from './store.ts';
import { applyLanguage } from './strings.ts';

const VIEWS: Record<Page, ComponentType<{ item: string | null }>> = {
  home: Home,
  jobs: Jobs,
  earnings: Earnings,
  wallet: Wallet,
  use: Use,
  models: Models,
  machine: Machine,
  settings: Settings,
};

export function Shell() {
  const { known } = useLink();
  const { language } = useStrings();
  return <I18nProvider locale={language}>{known ? <Open /> : <Closed />}</I18nProvider>;
}

function Open() {
  const { t } = useStrings();
  const { page, item } = useRoute();
  const { status } = useLink();
  const settings = useSection('settings');
  const main = useRef<HTMLElement>(null);
  const View = VIEWS[page];

  useEffect(() => {
    void applyLanguage(settings.language);
  }, [settings.language]);

  useEffect(() => {
    document.title = t('shell.title', { page: t(`nav.${page}`) });
  }, [page, t]);

  const place = `${page}/${item ?? ''}`;
  const shown = useRef(place);
  useEffect(() => {
    if (shown.current === place) return;
    shown.current = place;
    // A new page begins at its beginning, for readers too; the first one leaves the focus where it is.
    main.current?.focus();
    window.scrollTo(0, 0);
  }, [place]);

  return (
    <div className="frame">
      <Sidebar page={page} onSkip={() => main.current?.focus()} />
      <main ref={main} tabIndex={-1} className={status === 'live' ? 'page' : 'page is-stale'}>
        <LineNote />
        <View item={item} key={page} />
      </main>
    </div>
  );
}

function Sidebar({ page, onSkip }: { page: Page; onSkip: () => void }) {
  const { t } = useStrings();
  const app = useSection('app');
  const work = useSection('work');
  const { status } = statusOf(work);
  return (
    <header className="sidebar">
      <a
        className="skip"
        href={window.location.hash || '#/'}
        onClick={(event) => {
          event.preventDefault();
          onSkip();
        }}
      >
        {t('shell.skip')}
      </a>
      <a className="brand" href={hrefTo('home')}>
        <Icon name="bolt" />
        <span>Idlewatt</span>
      </a>
      <nav aria-label={t('shell.navigation')}>
        <ul>
          {PAGES.map((name) => (
            <li key={name}>
              <a href={hrefTo(name)} aria-current={name === page ? 'page' : undefined}>
                <Icon name={name} />
                <span>{t(`nav.${name}`)}</span>
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div className="sidebar-foot">
        <p className="sidebar-status">
          <StatusMark status={status} />
          {t(`status.${status}`)}
        </p>
        <p className={app.profile === 'practice' ? 'profile is-practice' : 'profile'}>
          {t(`profile.${app.profile}`)}
        </p>
        <p className="version">{t('shell.version', { version: app.version })}</p>
      </div>
    </header>
  );
}

/** Says when what is shown is not current, and that neither jobs nor money hang on this page. */
function LineNote() {
  const { t, language } = useStrings();
  const { status, lostAtMs } = useLink();
  const nowMs = useNow(10_000);
  if (status === 'live') return null;
  const refused = status === 'refused' || status === 'no-token';
  return (
    <div className="note is-warning line-note" role="status">
      <p className="note-title">{t(refused ? 'line.refused.title' : 'line.reconnecting.title')}</p>
      <p>
        {refused
          ? t('line.refused.text')
          : t('line.reconnecting.text', { time: writeMoment(lostAtMs ?? nowMs, nowMs, language) })}
      </p>
    </div>
  );
}

/** Before the first contact. */
function Closed() {
  const { t } = useStrings();
  const { status } = useLink();
  const nowMs = useNow(300);
  const since = useRef(nowMs);
  // A spinner that flashes is worse than none: nothing is said for the first moments.
  if (status === 'connecting' && nowMs - since.current < 900) return <main className="closed" />;
  const kind = status === 'refused' ? 'refused' : status === 'no-token' ? 'noToken' : 'connecting';
  return (
    <main className="closed">
      <div className="closed-card">
        <p className="brand">
          <Icon name="bolt" />
          <span>Idlewatt</span>
        </p>
        <h1>{t(`line.${kind}.title`)}</h1>
        <p role="status">{t(`line.${kind}.text`)}</p>
      </div>
    </main>
  );
}
