/**
 * Verifies: strangers that flood a storefront with requests they don't finish or don't pay for take a bounded number of
 *   places and a bounded amount of memory, and a buyer who pays is served meanwhile.
 * Setup: the storefront over HTTP behind a proxy of the owner's, which lets all connections through; strangers of many
 *   networks that send slow bodies to each path that takes one, slow headers, and streams with payments that aren’t worth anything.
 * Fails if: a path receives bodies without a limit, unfinished requests displace a buyer, or an unpaid stream is bought.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { amount } from '../../shared/money.ts';
import { CHAT_PATH } from '../../shared/wire.ts';
import { exactly } from './storefront-exact.ts';
import { ANSWER, type StorefrontMarket, withStorefront } from './storefront-market.ts';
import { paying, post, REQUEST } from './storefront-payers.ts';
import { offered } from './storefront-permits.ts';

const STRANGERS = 40;
const REQUESTS_EACH = 5;
/** Payments of empty addresses, from two networks; so many of each are checked on the chain within a minute. */
const WORTHLESS = 60;
const WORTHLESS_CHECKED_EACH = 10;
/** Bodies without a known payment that are received at a time. */
const PLACES = 64;
/** Bytes that are sent of a body, and of all of them what may be held in addition, e.g. by the sockets themselves. */
const SENT_BYTES: ReadonlyMap<string, number> = new Map([
  [CHAT_PATH, 60_000],
  ['/mcp', 900_000],
  ['/abuse', 900_000],
]);
const MORE_BYTES_MAX = 48e6;
/** The answers to refused requests arrive within it. */
const REFUSED_MS_MAX = 10_000;

let shop: StorefrontMarket;
let secret = '';
const sockets: Socket[] = [];

withStorefront(
  (opened) => {
    shop = opened.shop;
    const added = shop.keys.add('Ada');
    secret = added.secret;
    shop.keys.credit(added.customer.id, amount(1_000_000n));
  },
  { proxies: ['127.0.0.1'] },
);

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  assert.deepEqual(shop.faults, []);
});

/** Each stranger is of a network of its own. */
const stranger = (index: number) => `198.${51 + (index >> 8)}.${index & 255}.1`;

interface Connection {
  readonly socket: Socket;
  received: string;
}

/** Opens a connection and sends the beginning of a request. */
function begin(head: readonly string[], body: Buffer | string = ''): Connection {
  const socket = connect(Number(new URL(shop.url).port), '127.0.0.1');
  sockets.push(socket);
  const connection: Connection = { socket, received: '' };
  socket.on('error', () => undefined);
  socket.setEncoding('latin1').on('data', (text: string) => {
    connection.received += text;
  });
  socket.write(head.join('\r\n'));
  socket.write(body);
  return connection;
}

async function buy(): Promise<void> {
  const headers = { authorization: `Bearer ${secret}`, 'x-forwarded-for': '203.0.113.1' };
  const response = await post(shop, headers, { ...REQUEST, stream: true });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  for (const word of ANSWER) assert.ok(text.includes(word.trim()), text);
}

/** Waits until all connections but at most this many were refused with 429. */
async function waitingOf(connections: readonly Connection[], most: number): Promise<number> {
  const untilMs = performance.now() + REFUSED_MS_MAX;
  const waiting = () => connections.filter(({ received }) => !/^HTTP\/1.1 429/.test(received)).length;
  while (waiting() > most && performance.now() < untilMs) await sleep(50);
  return waiting();
}

/** Bytes of buffers after garbage collection. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().arrayBuffers;
}

for (const [path, bytes] of SENT_BYTES) {
  test(`receives few slow bodies at a time on ${path}`, async () => {
    const before = heldBytes();
    const body = Buffer.alloc(bytes, ' ');
    const connections = Array.from({ length: STRANGERS * REQUESTS_EACH }, (_, index) =>
      begin(
        [
          `POST ${path} HTTP/1.1`,
          'host: storefront',
          `x-forwarded-for: ${stranger(index % STRANGERS)}`,
          'content-type: application/json',
          'accept: application/json, text/event-stream',
          `content-length: ${bytes + 1}`,
          '\r\n',
        ],
        body,
      ),
    );
    const waiting = await waitingOf(connections, PLACES);
    assert.ok(waiting > 0 && waiting <= PLACES, `${waiting} are being received`);
    await buy();
    const held = heldBytes() - before;
    assert.ok(held < PLACES * bytes + MORE_BYTES_MAX, `${held} bytes are held`);
    for (const { socket } of connections) socket.destroy();
    while ((await post(shop, { 'x-forwarded-for': '203.0.113.2' })).status !== 402) await sleep(50);
  });
}

test('serves a buyer next to connections whose headers don’t end', async () => {
  const connections = Array.from({ length: 400 }, (_, index) =>
    begin([
      `POST ${CHAT_PATH} HTTP/1.1`,
      'host: storefront',
      `x-forwarded-for: ${stranger(index)}`,
      'x-slow: ',
    ]),
  );
  for (let time = 0; time < 5; time += 1) {
    for (const { socket } of connections) socket.write('x');
    await buy();
  }
  assert.ok(
    connections.every(({ received }) => received === ''),
    'no answer before the headers end',
  );
});

test('opens no stream that isn’t paid, and serves a buyer without a key next to 60 payments without money', async () => {
  const bought = () => shop.jobs.list({ side: 'bought', outcome: 'all', limit: 1_000 }).jobs.length;
  const before = bought();
  const { exact } = await offered(shop);
  const poor = await shop.buyer(0n);
  const worthless = Array.from({ length: WORTHLESS }, async (_, index) => {
    const address = { 'x-forwarded-for': `198.18.${index % 2}.1` };
    const response = await post(
      shop,
      { ...(await exactly(poor, exact ?? assert.fail('exact is offered'))), ...address },
      { ...REQUEST, stream: true },
    );
    await response.text();
    return response.status;
  });
  const payer = await shop.buyer(1_000_000_000n);
  const { ask } = paying(shop, payer, 'exact');
  for (let time = 0; time < 2; time += 1) {
    const answered = await ask({ stream: true }, { 'x-forwarded-for': '203.0.113.3' });
    const text = await answered.text();
    assert.equal(answered.status, 200, text);
    for (const word of ANSWER) assert.ok(text.includes(word.trim()), text);
    // Once with the payments in progress, once after all of them.
    await Promise.all(worthless);
  }
  const statuses = await Promise.all(worthless);
  assert.ok(
    statuses.every((status) => status === 402 || status === 429),
    statuses.join(),
  );
  const checked = statuses.filter((status) => status === 402).length;
  assert.ok(checked <= 2 * WORTHLESS_CHECKED_EACH, `${checked} were checked`);
  assert.equal(bought() - before, 2, 'only the buyer’s');
  assert.equal(shop.service.active().length, 0);
});
