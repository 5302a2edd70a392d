/**
 * The yardstick of `npm run bench -- storefront` for memory, in a process of its own: a server of Node.js that does nothing but
 * keep event streams open, over HTTPS or plain HTTP.
 */
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import acme from 'acme-client';
import { reportMemory } from './memory-report.ts';

const FIRST_EVENT = 'data: {"choices":[]}\n\n';
const LAST_EVENT = 'data: [DONE]\n\n';

const hasTls = process.argv[2] === 'https';
let open = 0;

/** A request for one token is the warm-up's: its stream ends. */
const listener: RequestListener = async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const { max_tokens: tokens } = JSON.parse(Buffer.concat(parts).toString());
  open += 1;
  response.once('close', () => {
    open -= 1;
  });
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(FIRST_EVENT);
  if (tokens === 1) response.end(LAST_EVENT);
};

async function createEmptyServer() {
  if (!hasTls) return createServer(listener);
  const domain = { type: 'dns', value: 'localhost' } as const;
  const [key, cert] = await acme.crypto.createAlpnCertificate(
    { identifier: domain } as Parameters<typeof acme.crypto.createAlpnCertificate>[0],
    'bench',
    await acme.crypto.createPrivateEcdsaKey(),
  );
  return createTlsServer({ key, cert }, listener);
}

const server = await createEmptyServer();
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
reportMemory(() => open);
process.once('disconnect', () => process.exit(0));
const { port } = server.address() as AddressInfo;
process.send?.({ url: `${hasTls ? 'https' : 'http'}://127.0.0.1:${port}`, model: 'none', keys: ['none'] });
