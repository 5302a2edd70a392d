/** Rules for services on this machine's loopback: which names address them, and which requests come from web pages. */

const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Returns whether an HTTP Host header names loopback itself. A web page whose own name was made to resolve to
 * loopback (DNS rebinding) still sends that name as its host.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  return LOOPBACK_HOSTS.has(withoutPort(host ?? ''));
}

/** Returns whether nobody between this machine and the server can read or alter what is sent: HTTPS, or this machine itself. */
export function isPrivateOnTheWay({
  protocol,
  hostname,
}: {
  readonly protocol: string;
  readonly hostname: string;
}): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}

function withoutPort(host: string): string {
  return host.toLowerCase().replace(/:\d{1,5}$/, '');
}

/** The part of a request that the rules need. */
export interface LoopbackRequest {
  readonly method: string;
  /** Returns a header by its lower-case name. */
  readonly header: (name: string) => string | undefined;
}

/** Exceptions that the owner has made. Default: none. */
export interface LoopbackExceptions {
  /** Origins of web pages, as browsers send them. */
  readonly origins: readonly string[];
  /** Host names other than those of loopback, without a port; for a proxy on this machine. */
  readonly hosts: readonly string[];
}

const NO_EXCEPTIONS: LoopbackExceptions = { origins: [], hosts: [] };

/** The header that makes a request inadmissible. */
export type LoopbackRefusal = 'host' | 'origin' | 'content-type';

/**
 * Checks a request to a service that only programs on this machine may use; null if it is admissible. Refused are
 * requests of any web page: a browser sends its origin with each POST, and Sec-Fetch-Site with each request to
 * loopback. A body must be declared as JSON, because a page can send other types without asking for permission.
 */
export function loopbackRefusal(
  { method, header }: LoopbackRequest,
  { origins, hosts }: LoopbackExceptions = NO_EXCEPTIONS,
): LoopbackRefusal | null {
  const host = header('host');
  if (!isLoopbackHost(host) && !hosts.includes(withoutPort(host ?? ''))) return 'host';
  const origin = header('origin');
  if (origin !== undefined && !origins.includes(origin)) return 'origin';
  // `none`: the owner typed the address. A page of an allowed origin sends it with each request.
  if (origin === undefined && (header('sec-fetch-site') ?? 'none') !== 'none') return 'origin';
  if (method === 'POST' && !isJson(header('content-type'))) return 'content-type';
  return null;
}

function isJson(contentType: string | undefined): boolean {
  return /^application\/json\s*(;|$)/i.test(contentType?.trim() ?? '');
}
