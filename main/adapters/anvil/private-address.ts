/**
 * Chooses an address for anvil that no web page can reach. Anvil accepts WebSockets of any origin on its only port, so
 * it listens on a port that every browser refuses to connect to, and where the system allows it on a random address.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { AppError } from '../../../shared/errors.ts';

/** Ports above 1023 that the Fetch standard blocks (https://fetch.spec.whatwg.org/#port-blocking). */
const BLOCKED_PORTS = [
  ...[1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669],
  ...[6679, 6697, 10080],
] as const;

/** Other programs of this machine expect services of their own on these ports: NFS, its lock daemon and X11. */
const EXPECTED_ELSEWHERE: ReadonlySet<number> = new Set([2049, 4045, 6000]);

export interface PrivateAddress {
  readonly host: string;
  readonly port: number;
}

/** Returns whether browsers, by the Fetch standard, refuse to connect to this port. */
export function isPortBlockedInBrowsers(port: number): boolean {
  return BLOCKED_PORTS.some((blocked) => blocked === port);
}

/** Returns a free address on loopback. Fails with `port-in-use` if there is none. */
export async function choosePrivateAddress(): Promise<PrivateAddress> {
  const ports = BLOCKED_PORTS.filter((port) => !EXPECTED_ELSEWHERE.has(port));
  // Starts anywhere, so that several chains started together don't meet.
  const first = randomInt(ports.length);
  for (const port of [...ports.slice(first), ...ports.slice(0, first)]) {
    const address = { host: loopbackAddress(), port };
    if (await isFree(address)) return address;
  }
  throw new AppError('port-in-use', 'No port is free for the practice chain. Close other practice networks.');
}

/** Linux and Windows own all of 127.0.0.0/8; macOS has 127.0.0.1 only. */
function loopbackAddress(): string {
  if (process.platform === 'darwin') return '127.0.0.1';
  return `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
}

function isFree({ host, port }: PrivateAddress): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
