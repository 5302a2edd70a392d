/** Frame around every page: navigation, the dock with status and Pause, and the open page. */
import { type ComponentType, lazy, Suspense, useEffect, useRef } from 'react';
import { I18nProvider } from 'react-aria-components/I18nProvider';
import { StatusNews } from './dock.tsx';
import { Home } from './pages/home.tsx';
import { StartingScreen } from './parts/starting.tsx';
import { useStrings } from './parts/strings.ts';
import { type Route, useRoute } from './route.ts';
import { Search } from './search.tsx';
import { PhoneTop, Sidebar, TabBar } from './sidebar.tsx';
import { StaleNote } from './stale-note.tsx';
import { useConnection, useSection } from './store.ts';
import { applyLanguage } from './strings.ts';

type View = ComponentType<{ item: string | null }>;

/** Pages that are loaded when they are opened, or when nothing else is to be done. */
const LOADERS = {
  jobs: () => import('./pages/jobs.tsx').then(({ Jobs }): { default: View } => ({ default: Jobs })),
  earnings: () =>
    import('./pages/earnings.tsx').then(({ Earnings }): { default: View } => ({ default: Earnings })),
  wallet: () => import('./pages/wallet.tsx').then(({ Wallet }): { default: View } => ({ default: Wallet })),
  sources: () =>
    import('./pages/sources.tsx').then(({ Sources }): { default: View } => ({ default: Sources })),
  models: () => import('./pages/models.tsx').then(({ Models }): { default: View } => ({ default: Models })),
  machines: () =>
    import('./pages/machines.tsx').then(({ Machines }): { default: View } => ({ default: Machines })),
  machine: () =>
    import('./pages/machine.tsx').then(({ Machine }): { default: View } => ({ default: Machine })),
  schedule: () =>
    import('./pages/schedule.tsx').then(({ Schedule }): { default: View } => ({ default: Schedule })),
  use: () => import('./pages/use.tsx').then(({ Use }): { default: View } => ({ default: Use })),
  network: () =>
    import('./pages/network.tsx').then(({ Network }): { default: View } => ({ default: Network })),
  settings: () =>
    import('./pages/settings.tsx').then(({ Settings }): { default: View } => ({ default: Settings })),
  more: () => import('./pages/more.tsx').then(({ More }): { default: View } => ({ default: More })),
  welcome: () =>
    import('./pages/welcome.tsx').then(({ Welcome }): { default: View } => ({ default: Welcome })),
  'not-found': () =>
    import('./pages/not-found.tsx').then(({ NotFound }): { default: View } => ({ default: NotFound })),
} as const satisfies Record<Exclude<Route['page'], 'home'>, () => Promise<{ default: View }>>;

const VIEWS: Record<Route['page'], View> = {
  home: Home,
  jobs: lazy(LOADERS.jobs),
  earnings: lazy(LOADERS.earnings),
  wallet: lazy(LOADERS.wallet),
  models: lazy(LOADERS.models),
  sources: lazy(LOADERS.sources),
  machine: lazy(LOADERS.machine),
  machines: lazy(LOADERS.machines),
  schedule: lazy(LOADERS.schedule),
  use: lazy(LOADERS.use),
  network: lazy(LOADERS.network),
  settings: lazy(LOADERS.settings),
  more: lazy(LOADERS.more),
  welcome: lazy(LOADERS.welcome),
  'not-found': lazy(LOADERS['not-found']),
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
  useAppearance();
  useEffect(loadPagesLater, []);

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

  // The first start opens with the introduction; it can be skipped on every step.
  if (page === 'welcome' || (page === 'home' && !settings.welcomeSeen)) {
    const Welcome = VIEWS.welcome;
    return (
      <Suspense>
        <Welcome item={page === 'welcome' ? item : null} />
      </Suspense>
    );
  }
  return (
    <div className="app">
      <Sidebar page={page} onSkip={() => main.current?.focus()} />
      <PhoneTop isHome={page === 'home'} />
      <main ref={main} tabIndex={-1} className={status === 'live' ? undefined : 'is-stale'}>
        <div className="page">
          <div className="page-in">
            {page === 'home' ? null : <StaleNote />}
            <Suspense>
              <View item={item} key={page} />
            </Suspense>
          </div>
        </div>
      </main>
      <TabBar page={page} />
      <StatusNews />
      <Search />
    </div>
  );
}

/** Loads the other pages when nothing else is to be done, so that opening one doesn't wait for its file. */
function loadPagesLater(): () => void {
  const handle = requestIdleCallback(() => {
    for (const load of Object.values(LOADERS)) load().catch(() => undefined); // opening the page tries again
  });
  return () => cancelIdleCallback(handle);
}

/** Applies the owner's color scheme; without one the system's applies. */
function useAppearance(): void {
  const { appearance } = useSection('settings');
  useEffect(() => {
    if (appearance === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = appearance;
  }, [appearance]);
}
