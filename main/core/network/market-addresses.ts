/** Addresses of the open market: from the command line and from the settings. */
import { isIP } from 'node:net';
import type { Settings } from '../../../shared/settings.ts';

/** Multiaddrs. */
interface OwnAddresses {
  /** Public nodes through which others are found. */
  readonly bootstrap: readonly string[];
  readonly listen: readonly string[];
  /** Empty: libp2p announces those that peers see. */
  readonly announce: readonly string[];
}

/** Named by the command line; an empty list names nothing. */
type NamedAddresses = Readonly<Partial<OwnAddresses>>;

export interface MarketAddresses extends OwnAddresses {
  /**
   * To listen on if another program uses the forwarded port of the settings: the owner can't choose another one while
   * the agent doesn't start. Null where the command line decides.
   */
  readonly otherwise: readonly string[] | null;
}

/** Combines both. Addresses to listen on or to announce replace the settings. `usual` is for machines without either. */
export function marketAddresses(
  { bootstrap = [], listen = [], announce = [] }: NamedAddresses,
  { publicNodes, forwardedPort, publicHost }: Pick<Settings, 'publicNodes' | 'forwardedPort' | 'publicHost'>,
  usual: readonly string[],
): MarketAddresses {
  const nodes = [...new Set([...bootstrap, ...publicNodes])];
  if (listen.length > 0 || announce.length > 0 || forwardedPort === null) {
    return { bootstrap: nodes, listen: listen.length > 0 ? listen : usual, announce, otherwise: null };
  }
  const port = `/tcp/${forwardedPort}`;
  return {
    bootstrap: nodes,
    listen: usual.map((address) => address.replace(/\/tcp\/\d+$/, port)),
    announce: publicHost === null ? [] : [`/${hostProtocol(publicHost)}/${publicHost}${port}`],
    otherwise: usual,
  };
}

function hostProtocol(host: string): string {
  const version = isIP(host);
  return version === 0 ? 'dns' : `ip${version}`;
}
