/**
 * Sends the requests of this process to outside addresses through the proxies that the environment names: models, nodes
 * of the chain, facilitators. Addresses of this machine are never asked through a proxy.
 */
import { setGlobalProxyFromEnv } from 'node:http';
import { Agent, Dispatcher, EnvHttpProxyAgent, setGlobalDispatcher } from 'undici';
import { AppError } from '../../../shared/errors.ts';

/** Never reached through a proxy, even if NO_PROXY doesn't list them. */
const OWN_ADDRESSES = 'localhost,.localhost,127.0.0.1-127.255.255.255,::1,[::1]';

export interface Proxies {
  /** Host and port for each kind of address; null if none is set. Without user and password. */
  readonly http: string | null;
  readonly https: string | null;
}

/** Uses HTTP_PROXY, HTTPS_PROXY and NO_PROXY in either case, from now on. Fails with `bad-request` for an invalid address. */
export function useProxies(environment: NodeJS.ProcessEnv): Proxies {
  const http = read(environment, 'HTTP_PROXY');
  const https = read(environment, 'HTTPS_PROXY');
  const proxies = { http: hostOf('HTTP_PROXY', http), https: hostOf('HTTPS_PROXY', https) };
  if (http === null && https === null) return proxies;
  const exceptions = read(environment, 'NO_PROXY');
  const noProxy = exceptions === null ? OWN_ADDRESSES : `${exceptions},${OWN_ADDRESSES}`;
  // For `http.request` and `https.request`; for `fetch` it knows no ranges of addresses.
  setGlobalProxyFromEnv({
    ...(http === null ? {} : { http_proxy: http }),
    ...(https === null ? {} : { https_proxy: https }),
    no_proxy: noProxy,
  });
  const byProxy = new EnvHttpProxyAgent({ httpProxy: http ?? '', httpsProxy: https ?? '', noProxy });
  setGlobalDispatcher(new OutsideOnly(byProxy));
  return proxies;
}

/** Sends requests to this machine directly and all others through the proxy. */
class OutsideOnly extends Dispatcher {
  readonly #byProxy: Dispatcher;
  readonly #direct = new Agent();

  constructor(byProxy: Dispatcher) {
    super();
    this.#byProxy = byProxy;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const isOwn = isOwnHost(new URL(String(options.origin)).hostname);
    return (isOwn ? this.#direct : this.#byProxy).dispatch(options, handler);
  }
}

function isOwnHost(host: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/i.test(host);
}

function read(environment: NodeJS.ProcessEnv, name: string): string | null {
  const value = (environment[name.toLowerCase()] ?? environment[name] ?? '').trim();
  return value === '' ? null : value;
}

/** The value itself may contain a password and is not quoted. */
function hostOf(name: string, value: string | null): string | null {
  if (value === null) return null;
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.host === '') {
    throw new AppError(
      'bad-request',
      `Invalid ${name}: write it like http://proxy.example:8080, or remove it to connect without a proxy.`,
    );
  }
  return url.host;
}
