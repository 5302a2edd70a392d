/** Which page is open: the part of the address after `#`, so that the same pages work under any host. */
import { useSyncExternalStore } from 'react';

export const PAGES = ['home', 'jobs', 'earnings', 'wallet', 'use', 'models', 'machine', 'settings'] as const;
export type Page = (typeof PAGES)[number];

export interface Route {
  readonly page: Page;
  /** What is opened on the page, e.g. a job's id. */
  readonly item: string | null;
}

/** `#/jobs/abc` is page `jobs` with item `abc`; anything unknown is Home. */
export function readRoute(hash: string): Route {
  const [, name = '', item = ''] = hash.replace(/^#/, '').split('/');
  const page = PAGES.find((candidate) => candidate === name) ?? 'home';
  return { page, item: item ? decodeURIComponent(item) : null };
}

export function hrefTo(page: Page, item?: string): string {
  const path = page === 'home' ? '' : page;
  return item === undefined ? `#/${path}` : `#/${path}/${encodeURIComponent(item)}`;
}

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
