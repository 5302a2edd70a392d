/** Addresses of the open market: from the command line and from the settings. */
import { isIP } from 'node:net';
import type { Settings } from '../../../shared/settings.ts';

/** Multiaddrs. */
export interface MarketAddresses {
  /** Public nodes through which others are found. */
  readonly bootstrap: readonly string[];
  readonly listen: readonly string[];
  /** Empty: libp2p announces those that peers see. */
  readonly announce: readonly string[];
}

/** Named by the command line; an empty list names nothing. */
export type NamedAddresses = Readonly<Partial<MarketAddresses>>;

/**
 * Combines both. What the command line says about listening and announcing replaces the settings. `usual` stays next to a
 * forwarded port: another program may have taken that port, and the agent starts nevertheless.
 */
export function marketAddresses(
  { bootstrap = [], listen = [], announce = [] }: NamedAddresses,
  { publicNodes, forwardedPort, publicHost }: Pick<Settings, 'publicNodes' | 'forwardedPort' | 'publicHost'>,
  usual: readonly string[],
): MarketAddresses {
  const forwarded = forwardedPort === null ? [] : [`/ip4/0.0.0.0/tcp/${forwardedPort}`];
  const isSet = forwardedPort !== null && publicHost !== null && announce.length + listen.length === 0;
  return {
    bootstrap: [...new Set([...bootstrap, ...publicNodes])],
    listen: listen.length > 0 ? listen : [...forwarded, ...usual],
    announce: isSet ? [`/${hostProtocol(publicHost)}/${publicHost}/tcp/${forwardedPort}`] : announce,
  };
}

function hostProtocol(host: string): string {
  const version = isIP(host);
  return version === 0 ? 'dns' : `ip${version}`;
}
