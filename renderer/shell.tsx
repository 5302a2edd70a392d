/** Frame around every page: navigation, a note when the page isn't current, and the open page. */
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
import { StartingScreen } from './parts/starting.tsx';
import { StatusMark } from './parts/status-mark.tsx';
import { useNow, useStrings } from './parts/strings.ts';
import { hrefTo, PAGES, type Page, useRoute } from './route.ts';
import { useConnection, useSection } from './store.ts';
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
  const { known } = useConnection();
  const { language } = useStrings();
  return <I18nProvider locale={language}>{known ? <Frame /> : <StartingScreen />}</I18nProvider>;
}

function Frame() {
  const { t } = useStrings();
  const { page, item } = useRoute();
  const { status } = useConnection();
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
    // Move focus and scroll position to the top of a new page, for screen readers too. The first page keeps the focus.
    main.current?.focus();
    window.scrollTo(0, 0);
  }, [place]);

  return (
    <div className="frame">
      <Sidebar page={page} onSkip={() => main.current?.focus()} />
      <main ref={main} tabIndex={-1} className={status === 'live' ? 'page' : 'page is-stale'}>
        <ConnectionNote />
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

/** Warns that the page isn't current, and that neither jobs nor money depend on it. */
function ConnectionNote() {
  const { t, language } = useStrings();
  const { status, lostAtMs } = useConnection();
  const nowMs = useNow(10_000);
  if (status === 'live') return null;
  const refused = status === 'refused' || status === 'no-token';
  return (
    <div className="note is-warning connection-note" role="status">
      <p className="note-title">{t(refused ? 'line.refused.title' : 'line.reconnecting.title')}</p>
      <p>
        {refused
          ? t('line.refused.text')
          : t('line.reconnecting.text', { time: writeMoment(lostAtMs ?? nowMs, nowMs, language) })}
      </p>
    </div>
  );
}
