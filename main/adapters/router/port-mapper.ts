/**
 * Asks the router for a port: first by NAT-PMP, whose messages are a dozen bytes, then by UPnP. Libraries for both talk to
 * any machine that answers; here only the router's own address counts, and everything that it sends is limited.
 */
import type { PortMapper } from '../../ports/port-mapper.ts';
import { mapByNatPmp } from './nat-pmp.ts';
import { mapByUpnp } from './upnp.ts';

export interface PortMapperOptions {
  /** For requests to the router. */
  readonly fetch: typeof fetch;
}

export function createPortMapper(options: PortMapperOptions): PortMapper {
  return {
    async map(request, signal) {
      const byNatPmp = await mapByNatPmp(request, signal);
      if (typeof byNatPmp !== 'string') return byNatPmp;
      const byUpnp = await mapByUpnp(request, options, signal);
      // A router may speak both, and have only one of them turned off.
      return byUpnp === 'no-router' ? byNatPmp : byUpnp;
    },
  };
}
