/** Port for the router of this machine's network, which may let connections of strangers in on request. */

export interface MappingRequest {
  /** The router's IPv4 address in this machine's network. Nothing else is asked, and no other machine's answer counts. */
  readonly router: string;
  /** TCP port on which this machine listens; also the wanted port of the router. */
  readonly internalPort: number;
  /** Time after which the router is to end the mapping. */
  readonly lifetimeMs: number;
}

/** TCP port of the router that leads to this machine. */
export interface PortMapping {
  readonly by: 'upnp' | 'nat-pmp';
  readonly router: string;
  /** This machine's address in its network. */
  readonly internalHost: string;
  readonly internalPort: number;
  /** The router's address on the internet as it says itself, unchecked; null if it says none. */
  readonly externalHost: string | null;
  readonly externalPort: number;
  /** As granted by the router. */
  readonly lifetimeMs: number;
  /** Asks the router to end it. Never rejects. */
  remove(signal: AbortSignal): Promise<void>;
}

/**
 * `no-router`: nothing at its address speaks a known protocol. `refused`: it doesn't allow mappings. `permanent-only`: it makes only
 * mappings without an end, which aren't wanted. `invalid`: its answers make no sense.
 */
export type MappingRefusal = 'no-router' | 'refused' | 'permanent-only' | 'invalid';

export interface PortMapper {
  /** Asks for a mapping, or again for the same one. Rejects only if the signal aborts. */
  map(request: MappingRequest, signal: AbortSignal): Promise<PortMapping | MappingRefusal>;
}
