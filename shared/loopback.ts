/** Rules for services on this machine's loopback: which names address them, and which requests come from web pages. */

const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Returns whether an HTTP Host header names loopback itself. A web page whose own name was made to resolve to
 * loopback (DNS rebinding) still sends that name as its host.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  return LOOPBACK_HOSTS.has((host ?? '').toLowerCase().replace(/:\d{1,5}$/, ''));
}

/** The part of a request that the rules need. */
export interface LoopbackRequest {
  readonly method: string;
  /** Returns a header by its lower-case name. */
  readonly header: (name: string) => string | undefined;
}

/** The header that makes a request inadmissible. */
export type LoopbackRefusal = 'host' | 'origin' | 'content-type';

/**
 * Checks a request to a service that only programs on this machine may use; null if it is admissible. Refused are
 * requests of any web page: a browser sends its origin with each POST, and Sec-Fetch-Site with each request to
 * loopback. A body must be declared as JSON, because a page can send other types without asking for permission.
 */
export function loopbackRefusal({ method, header }: LoopbackRequest): LoopbackRefusal | null {
  if (!isLoopbackHost(header('host'))) return 'host';
  if (header('origin') !== undefined) return 'origin';
  // `none`: the owner typed the address.
  if ((header('sec-fetch-site') ?? 'none') !== 'none') return 'origin';
  if (method === 'POST' && !isJson(header('content-type'))) return 'content-type';
  return null;
}

function isJson(contentType: string | undefined): boolean {
  return /^application\/json\s*(;|$)/i.test(contentType?.trim() ?? '');
}
