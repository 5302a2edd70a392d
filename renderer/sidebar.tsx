/** Navigation: the sidebar, and on a phone a line above and a bar of five below. */

import { Dock, DockButton, TodayLine } from './dock.tsx';
import { useIsFree } from './parts/amount.tsx';
import { Glyph } from './parts/glyph.tsx';
import { Icon, Logo } from './parts/icon.tsx';
import { StatusWord } from './parts/pause.tsx';
import { useStrings } from './parts/strings.ts';
import { PracticeTag } from './parts/tag.tsx';
import { barPages, hrefTo, type NamedPage, type Place, type Route, sidebarPages } from './route.ts';
import { SearchButton } from './search.tsx';
import { useShownStatus } from './shown-status.ts';
import { useSection } from './store.ts';

export function Sidebar({ page, onSkip }: { page: Route['page']; onSkip: () => void }) {
  const { t } = useStrings();
  const { version } = useSection('app');
  const place: Place = { isFree: useIsFree(), hasMachines: useSection('machines') !== null };
  return (
    <header className="side">
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
      <div className="brand-row">
        <a className="brand" href={hrefTo('home')}>
          <Logo />
          <span>Idlewatt</span>
        </a>
        <SearchButton />
      </div>
      <nav aria-label={t('shell.navigation')}>
        {sidebarPages(place).map((group) => (
          <ul key={group[0]}>
            {group.map((name) => (
              <li key={name}>
                <NavigationLink name={name} isCurrent={name === page} />
              </li>
            ))}
          </ul>
        ))}
      </nav>
      <Dock />
      <div className="net">
        <NetworkName />
        <span className="version">{version}</span>
      </div>
    </header>
  );
}

function NavigationLink({ name, isCurrent }: { name: NamedPage; isCurrent: boolean }) {
  const { t } = useStrings();
  const { activeJobs } = useSection('work');
  return (
    <a href={hrefTo(name)} aria-current={isCurrent ? 'page' : undefined}>
      <Icon name={name} />
      <span>{t(`nav.${name}`)}</span>
      {name === 'jobs' && activeJobs.length > 0 ? (
        <span className="badge" aria-hidden="true">
          {activeJobs.length}
        </span>
      ) : null}
    </a>
  );
}

/** The network's name; practice money and its network say so by word and shape. */
export function NetworkName() {
  const { t } = useStrings();
  const { profile } = useSection('app');
  if (profile === 'practice') {
    return (
      <span className="network-name">
        <PracticeTag>{t('money.practice')}</PracticeTag> {t('shell.network')}
      </span>
    );
  }
  return (
    <span className="network-name">
      <Icon name="network" isSmall />
      {t(`profile.${profile}`)}
    </span>
  );
}

/** Line above a page on a phone: the app on Home, where the panel says the rest; the dock on other pages. */
export function PhoneTop({ isHome }: { isHome: boolean }) {
  const { status, label } = useShownStatus();
  return (
    <header className="phone-top">
      {isHome ? (
        <>
          <span className="brand">
            <Logo />
            Idlewatt
          </span>
          <NetworkName />
        </>
      ) : (
        <>
          <Glyph status={status} isSmall />
          <StatusWord word={label} />
          <TodayLine />
          <DockButton />
        </>
      )}
    </header>
  );
}

export function TabBar({ page }: { page: Route['page'] }) {
  const { t } = useStrings();
  const pages = barPages({ isFree: useIsFree() });
  const isInBar = (pages as readonly string[]).includes(page);
  return (
    <nav className="tabbar" aria-label={t('shell.mainPages')}>
      {pages.map((name) => (
        <a
          key={name}
          href={hrefTo(name)}
          aria-current={name === page || (name === 'more' && !isInBar) ? 'page' : undefined}
        >
          <Icon name={name} />
          <span>{t(`nav.${name}`)}</span>
        </a>
      ))}
    </nav>
  );
}
