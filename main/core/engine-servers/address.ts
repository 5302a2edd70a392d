/** The address of an engine server, as the owner types it. */
import { isIP } from 'node:net';
import { AppError } from '../../../shared/errors.ts';
import { isLocalAddress } from '../../../shared/local-address.ts';
import type { FindAddresses } from '../../ports/engine-server.ts';

/**
 * Returns the URL without the final `/v1`. Accepts `192.168.1.5:11434` and whole URLs, without user, query and fragment.
 * Fails with `bad-request`.
 */
export function normalizeEngineUrl(text: string): string {
  const typed = text.trim();
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(typed) ? typed : `http://${typed}`;
  const url = URL.canParse(whole) ? new URL(whole) : null;
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (url === null || !isPlain || !['http:', 'https:'].includes(url.protocol)) {
    throw new AppError(
      'bad-request',
      'Write the address like http://192.168.1.5:11434. Nothing was changed.',
    );
  }
  const path = url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  return url.origin + path;
}

/**
 * Returns the one address that is contacted from now on. Looking the name up only now means that nobody who controls
 * it later can lead prompts elsewhere. Fails with `bad-request` for a host outside of this machine and its network.
 */
export async function findEngineAddress(url: string, findAddresses: FindAddresses): Promise<string> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) === 0 ? await findAddresses(host).catch(() => []) : [host];
  const [first] = addresses;
  if (first === undefined) {
    throw new AppError('bad-request', `The name ${host} has no address. Check it. Nothing was changed.`);
  }
  if (!addresses.every(isLocalAddress)) {
    throw new AppError(
      'bad-request',
      'Only engines on this machine or in your local network can be added. Nothing was changed.',
    );
  }
  // Servers on loopback listen on IPv4 at least.
  return addresses.find((address) => isIP(address) === 4) ?? first;
}
