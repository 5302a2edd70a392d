/**
 * Verifies: every host outside of this machine is registered with its purpose, over restarts and up to a limit, and no
 *   request of the process escapes.
 * Setup: the real register on a store in memory; real requests to servers on loopback for the report of requests.
 * Fails if: a redirect loses its purpose, Node's own client isn't seen, this machine's addresses are listed, or the
 *   register grows without end.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { onOutgoingRequest, withPurpose } from '../../../main/adapters/node/index.ts';
import { createContacts } from '../../../main/core/contacts/index.ts';
import type { Contact } from '../../../shared/contacts.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

function open(records = createMemoryRecordStore()) {
  const clock = manualClock(1_000_000);
  const fresh: Contact[] = [];
  const contacts = createContacts({ clock, records, onNew: (contact) => fresh.push(contact) });
  return { clock, records, contacts, fresh };
}

test('counts by host and purpose, the last contacted first, and reports a new host once', () => {
  const { clock, contacts, fresh } = open();
  contacts.note('Rates.Example', 'rates');
  clock.advance(5_000);
  contacts.note('hub.example', 'models');
  contacts.note('hub.example', 'models');
  assert.deepEqual(contacts.list(), [
    { host: 'hub.example', purpose: 'models', lastAtMs: 1_005_000, count: 2 },
    { host: 'rates.example', purpose: 'rates', lastAtMs: 1_000_000, count: 1 },
  ]);
  assert.deepEqual(
    fresh.map(({ host }) => host),
    ['rates.example', 'hub.example'],
  );
});

test('this machine and names that can’t exist are no contacts', () => {
  const { contacts } = open();
  for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', '::1', 'peer.invalid', ''])
    contacts.note(host, 'other');
  assert.deepEqual(contacts.list(), []);
});

test('survives a restart, and forgets the host that wasn’t contacted for the longest time', () => {
  const first = open();
  for (let index = 0; index < 400; index += 1) {
    first.clock.advance(1);
    first.contacts.note(`host-${index}.example`, 'other');
  }
  assert.equal(first.contacts.list().length, 300);
  assert.equal(first.contacts.list().at(-1)?.host, 'host-100.example');
  first.contacts.stop();
  const again = open(createMemoryRecordStore(first.records.snapshot()));
  assert.deepEqual(again.contacts.list(), first.contacts.list());
});

test('nodes of the public DHT push out only each other', () => {
  const { contacts, clock } = open();
  contacts.note('chain.example', 'chain');
  for (let index = 0; index < 500; index += 1) {
    clock.advance(1_000);
    contacts.note(`45.0.${Math.floor(index / 250)}.${index % 250}`, 'directory');
  }
  const list = contacts.list();
  assert.equal(list.length, 61);
  assert.equal(list[0]?.host, '45.0.1.249');
  assert.equal(list.at(-1)?.host, 'chain.example');
  contacts.stop();
});

test('every request of the process is reported, with the purpose that covers its redirects', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/start') response.writeHead(302, { location: `http://localhost:${port}/end` }).end();
    else response.end('ok');
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const seen: string[] = [];
  const stop = onOutgoingRequest((host, purpose) => seen.push(`${host} ${purpose}`));
  try {
    await (await withPurpose('models', () => fetch(`http://localhost:${port}/start`))).text();
    await (await fetch(`http://localhost:${port}/end`)).text();
    const [response] = await once(get(`http://localhost:${port}/end`), 'response');
    response.resume();
    await once(response, 'end');
  } finally {
    stop();
    server.closeAllConnections();
    server.close();
  }
  assert.deepEqual(seen, ['localhost models', 'localhost models', 'localhost null', 'localhost null']);
});
