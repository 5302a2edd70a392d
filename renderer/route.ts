/** Hash routing: the open page is the part of the address after `#`, so that the pages work on any host. */
import { useSyncExternalStore } from 'react';

export const PAGES = [
  'home',
  'jobs',
  'earnings',
  'wallet',
  'models',
  'sources',
  'machine',
  'schedule',
  'use',
  'network',
  'machines',
  'settings',
  'more',
  'welcome',
] as const;
export type Page = (typeof PAGES)[number];

/** Pages of the sidebar, in groups. */
const SIDEBAR_PAGES = [
  ['home', 'jobs', 'earnings', 'wallet'],
  ['models', 'sources', 'machine', 'schedule'],
  ['use', 'network', 'machines'],
  ['settings'],
] as const satisfies readonly (readonly Page[])[];

/** Pages of the bar at the bottom of a phone; `more` lists the others. */
const BAR_PAGES = ['home', 'jobs', 'earnings', 'wallet', 'more'] as const satisfies readonly Page[];
const OWN_BAR_PAGES = ['home', 'jobs', 'machines', 'use', 'more'] as const satisfies readonly Page[];
const PAID_ONLY: readonly Page[] = ['earnings', 'wallet'];

export type NamedPage = Exclude<Page, 'welcome'>;

/** The pages that depend on where the machine works. */
export interface Place {
  /** Nothing is paid: the machine works for its owner's other machines. */
  readonly isFree: boolean;
  /** The owner's other machines are seen here. */
  readonly hasMachines: boolean;
}

/** The sidebar's pages, in groups. */
export function sidebarPages({ isFree, hasMachines }: Place): readonly (readonly NamedPage[])[] {
  const hidden: readonly Page[] = [
    ...(isFree ? PAID_ONLY : []),
    ...(hasMachines ? [] : ['machines' as const]),
  ];
  return SIDEBAR_PAGES.map((group) => group.filter((page) => !hidden.includes(page)));
}

export function barPages({ isFree }: Pick<Place, 'isFree'>): readonly NamedPage[] {
  return isFree ? OWN_BAR_PAGES : BAR_PAGES;
}

export interface Route {
  /** `not-found`: the address names no page. */
  readonly page: Page | 'not-found';
  /** Item that is open on the page, for example a job ID. */
  readonly item: string | null;
}

/** Parses a hash: `#/jobs/abc` is page `jobs` with item `abc`. An empty one is Home. */
export function readRoute(hash: string): Route {
  const [start = '', name = '', item = '', ...rest] = hash.replace(/^#/, '').split('/');
  const page = name === '' ? 'home' : PAGES.find((candidate) => candidate === name);
  const decoded = decode(item);
  if (page === undefined || start !== '' || rest.length > 0 || decoded === null) {
    return { page: 'not-found', item: null };
  }
  return { page, item: decoded || null };
}

/** The address of a page, or of an item on it. */
export function hrefTo(page: Page, item?: string): string {
  const path = page === 'home' ? '' : page;
  return item === undefined ? `#/${path}` : `#/${path}/${encodeURIComponent(item)}`;
}

/** The current route; updates when the hash changes. */
export function useRoute(): Route {
  const hash = useSyncExternalStore(
    (changed) => {
      window.addEventListener('hashchange', changed);
      return () => window.removeEventListener('hashchange', changed);
    },
    () => window.location.hash,
  );
  return readRoute(hash);
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // not valid percent-encoding
  }
}
