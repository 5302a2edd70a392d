/** Addresses on which the owner asks this agent to listen. */
import { isIP } from 'node:net';
import { AppError } from '../../shared/errors.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads an IP address and a port, of which 0 is any free one. Fails with `bad-request`, which names the option. */
export function readListen(text: string, option: string): ListenAddress {
  const match = /^\[?([0-9a-fA-F.:]+?)\]?:(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? '';
  const port = Number(match?.[2]);
  if (isIP(host) !== 0 && port <= 65_535) return { host, port };
  throw new AppError(
    'bad-request',
    `Invalid ${option} "${text}". Use an IP address and a port, for example 127.0.0.1:8402.`,
  );
}

/** The host in a URL. */
export function urlHost(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
