/** Names under which services on this machine may be addressed. */

const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Returns whether an HTTP Host header names loopback itself. A web page whose own name was made to resolve to
 * loopback (DNS rebinding) still sends that name as its host.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  return LOOPBACK_HOSTS.has((host ?? '').toLowerCase().replace(/:\d{1,5}$/, ''));
}
