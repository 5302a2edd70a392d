/** Orders endpoints by health: endpoints that failed recently come last. */
import type { Endpoint } from './endpoint.ts';

/** Time for which an endpoint that failed is queried last. */
const PENALTY_MS = 30_000;

export interface EndpointHealth {
  /** Healthy endpoints first, each group in the order of the list. */
  inOrder(): readonly Endpoint[];
  succeeded(endpoint: Endpoint): void;
  failed(endpoint: Endpoint): void;
}

export function createEndpointHealth(endpoints: readonly Endpoint[]): EndpointHealth {
  const failedAtMs = new Map<Endpoint, number>();
  return {
    inOrder() {
      const since = performance.now() - PENALTY_MS;
      const isHealthy = (endpoint: Endpoint): boolean => (failedAtMs.get(endpoint) ?? -Infinity) < since;
      return [...endpoints.filter(isHealthy), ...endpoints.filter((endpoint) => !isHealthy(endpoint))];
    },
    succeeded: (endpoint) => void failedAtMs.delete(endpoint),
    failed: (endpoint) => void failedAtMs.set(endpoint, performance.now()),
  };
}
