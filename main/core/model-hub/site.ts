/** The hub's own hosts, and a `fetch` that follows the hub's redirects to those only. */

export interface HubSite {
  /** Of pages and API, without a path. */
  readonly origin: string;
  /** Hosts that deliver files, each with all names below it. */
  readonly fileHosts: readonly string[];
}

/** https://huggingface.co/docs/hub: pages and API, and the names under which its stores and caches deliver files. */
export const HUB_SITE: HubSite = {
  origin: 'https://huggingface.co',
  fileHosts: ['huggingface.co', 'hf.co'],
};

const REDIRECTS_MAX = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The hub sent the request to a host that isn't its own, or around in circles. */
export class RedirectRefused extends Error {
  /** The host; empty where it sent the request around in circles. */
  readonly host: string;

  constructor(host: string) {
    super(host === '' ? 'the hub redirects without end' : `the hub redirects to another host (${host})`);
    this.name = 'RedirectRefused';
    this.host = host;
  }
}

/**
 * Returns a `fetch` that rejects with {@link RedirectRefused} where the hub redirects to a host that isn't its own.
 * Requests to other sites pass unchanged.
 */
export function createHubFetch(
  fetch: typeof globalThis.fetch,
  site: HubSite = HUB_SITE,
): typeof globalThis.fetch {
  return async (input, init) => {
    const first = input instanceof Request ? input.url : String(input);
    if (!URL.canParse(first) || new URL(first).origin !== site.origin) return fetch(input, init);
    let url = new URL(first);
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
      const response = await fetch(url, { ...init, redirect: 'manual' });
      const location = response.headers.get('location');
      if (!REDIRECTS.has(response.status) || location === null) return response;
      await response.body?.cancel();
      url = target(location, url, site);
    }
    throw new RedirectRefused('');
  };
}

function target(location: string, from: URL, site: HubSite): URL {
  if (!URL.canParse(location, from.href)) throw new RedirectRefused(location.slice(0, 100));
  const url = new URL(location, from);
  const own = new URL(site.origin);
  const isOwn =
    url.hostname === own.hostname ||
    site.fileHosts.some((host) => url.hostname === host || url.hostname.endsWith(`.${host}`));
  if (!isOwn || url.protocol !== own.protocol || url.username !== '' || url.password !== '')
    throw new RedirectRefused(url.hostname);
  return url;
}
