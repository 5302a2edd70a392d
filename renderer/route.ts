/** Hash routing: the open page is the part of the address after `#`, so that the pages work on any host. */
import { useSyncExternalStore } from 'react';

export const PAGES = ['home', 'jobs', 'earnings', 'wallet', 'use', 'models', 'machine', 'settings'] as const;
export type Page = (typeof PAGES)[number];

export interface Route {
  readonly page: Page;
  /** Item that is open on the page, for example a job ID. */
  readonly item: string | null;
}

/** Parses a hash: `#/jobs/abc` is page `jobs` with item `abc`. Anything unknown is Home. */
export function readRoute(hash: string): Route {
  const [, name = '', item = ''] = hash.replace(/^#/, '').split('/');
  const page = PAGES.find((candidate) => candidate === name) ?? 'home';
  return { page, item: item ? decodeURIComponent(item) : null };
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
