/**
 * A process that requests a stream directly from a provider, prints a line when the first bytes have arrived, and is
 * then killed by its test. Arguments: the provider's address, a folder for the peer key, the headers as JSON, the body.
 */

import { createNetwork } from '../../main/adapters/libp2p/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { CHAT_PATH } from '../../shared/wire.ts';

const [, , address = '', folder = '', headers = '{}', body = ''] = process.argv;
const network = await createNetwork({ folder, clock: systemClock, mdns: false });
await network.start();
const peer = await network.connect(address);
const response = await network.fetch(peer, CHAT_PATH, {
  method: 'POST',
  headers: { 'content-type': 'application/json', ...JSON.parse(headers) },
  body,
});
const reader = response.body?.getReader();
await reader?.read();
console.log('STREAMING');
while (!(await reader?.read())?.done);
