/** Finds a TCP port for a program that takes no port 0. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** Returns a port of loopback that nobody used a moment ago; another program can still take it. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
