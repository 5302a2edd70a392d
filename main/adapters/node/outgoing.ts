/**
 * Reports every outgoing HTTP request of this process, by `fetch` and by Node's own client alike, so that no part can
 * contact a host unnoticed.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';

const purposes = new AsyncLocalStorage<string>();

/** Runs a call whose requests, redirects included, are reported with this purpose. */
export function withPurpose<T>(purpose: string, run: () => T): T {
  return purposes.run(purpose, run);
}

/** Calls the listener with the host of each request, and its purpose if it was named. Returns its unsubscribe. */
export function onOutgoingRequest(listener: (host: string, purpose: string | null) => void): () => void {
  const report = (host: string) => listener(host, purposes.getStore() ?? null);
  const byFetch = (message: unknown) => {
    const { request } = message as { request: { origin: string | URL } };
    report(new URL(String(request.origin)).hostname.replace(/^\[|\]$/g, ''));
  };
  const byNode = (message: unknown) => {
    const { request } = message as { request: ClientRequest };
    report(request.host.replace(/^\[|\]$/g, ''));
  };
  subscribe('undici:request:create', byFetch);
  subscribe('http.client.request.start', byNode);
  return () => {
    unsubscribe('undici:request:create', byFetch);
    unsubscribe('http.client.request.start', byNode);
  };
}
