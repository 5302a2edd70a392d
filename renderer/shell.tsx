/** Frame around every page: navigation, the dock with status and Pause, and the open page. */
import { type ComponentType, useEffect, useRef } from 'react';
import { I18nProvider } from 'react-aria-components';
import { StatusNews } from './dock.tsx';
import { Earnings } from './pages/earnings.tsx';
import { Home } from './pages/home.tsx';
import { Jobs } from './pages/jobs.tsx';
import { Machine } from './pages/machine.tsx';
import { Models } from './pages/models.tsx';
import { More } from './pages/more.tsx';
import { Network } from './pages/network.tsx';
import { NotFound } from './pages/not-found.tsx';
import { Schedule } from './pages/schedule.tsx';
import { Settings } from './pages/settings.tsx';
import { Use } from './pages/use.tsx';
import { Wallet } from './pages/wallet.tsx';
import { StartingScreen } from './parts/starting.tsx';
import { useStrings } from './parts/strings.ts';
import { type Route, useRoute } from './route.ts';
import { PhoneTop, Sidebar, TabBar } from './sidebar.tsx';
import { StaleNote } from './stale-note.tsx';
import { useConnection, useSection } from './store.ts';
import { applyLanguage } from './strings.ts';

const VIEWS: Record<Route['page'], ComponentType<{ item: string | null }>> = {
  home: Home,
  jobs: Jobs,
  earnings: Earnings,
  wallet: Wallet,
  models: Models,
  machine: Machine,
  schedule: Schedule,
  use: Use,
  network: Network,
  settings: Settings,
  more: More,
  'not-found': NotFound,
};

/** Pages that aren't rebuilt on the new parts yet. */
const LEGACY: ReadonlySet<Route['page']> = new Set([
  'jobs',
  'earnings',
  'wallet',
  'models',
  'machine',
  'schedule',
  'use',
  'settings',
]);
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
  useAppearance();

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
    <div className="app">
      <Sidebar page={page} onSkip={() => main.current?.focus()} />
      <PhoneTop isHome={page === 'home'} />
      <main ref={main} tabIndex={-1} className={status === 'live' ? undefined : 'is-stale'}>
        <div className="page">
          {page === 'home' ? null : <StaleNote />}
          {LEGACY.has(page) ? (
            <div className="legacy">
              <View item={item} key={page} />
            </div>
          ) : (
            <View item={item} key={page} />
          )}
        </div>
      </main>
      <TabBar page={page} />
      <StatusNews />
    </div>
  );
}

/** Applies the owner's color scheme; without one the system's applies. */
function useAppearance(): void {
  const { appearance } = useSection('settings');
  useEffect(() => {
    if (appearance === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = appearance;
  }, [appearance]);
}
