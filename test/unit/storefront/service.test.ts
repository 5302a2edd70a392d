/**
 * Verifies: the storefront passes on what visitors may say and nothing else, and recognizes visitors without their address.
 * Setup: the storefront in front of a recorded provider service, without a server.
 * Fails if: a visitor can name another visitor, a customer or a batch, or a customer’s key reaches the service behind it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hono } from 'hono';
import { createStorefront } from '../../../main/core/storefront/index.ts';
import { createVisitors } from '../../../main/core/storefront/visitors.ts';
import { BATCH_JOB_HEADER, CHAT_PATH, CUSTOMER_HEADER, PAYMENT_HEADER } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';

const SECRET = `iws-${'0a'.repeat(24)}`;

function open() {
  const seen: Headers[] = [];
  const provider = new Hono();
  provider.all('*', (context) => {
    seen.push(context.req.raw.headers);
    return context.json({});
  });
  const app = createStorefront({
    certificate: () => null,
    provider: { app: provider, active: () => [] },
    offers: { current: () => Promise.reject(new Error('unused')), find: () => null, first: () => null },
    customers: { find: (secret) => (secret === SECRET ? 'key:0000000000000000' : null) },
    blocks: { has: () => false },
    reports: { add: () => undefined, list: () => [] },
    clock: manualClock(1_700_000_000_000),
    publicUrl: 'https://shop.test',
    onUnexpected: () => null,
    serveTool: () => async () => new Response(),
  });
  const ask = async (headers: Record<string, string>, address = '203.0.113.5') => {
    const init = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', ...headers } };
    const response = await app.fetch(new Request(`https://shop.test${CHAT_PATH}`, init), { address });
    return { status: response.status, headers: seen.at(-1) ?? assert.fail('nothing arrived') };
  };
  return { ask };
}

test('takes no header of a visitor for its own: peer, subnet, customer and batch', async () => {
  const { ask } = open();
  const { headers: plain } = await ask({});
  const { headers } = await ask({
    'x-peer-id': 'somebody',
    'x-peer-subnet': 'somewhere',
    [CUSTOMER_HEADER]: 'key:0000000000000000',
    [BATCH_JOB_HEADER]: 'x',
    'x-forwarded-for': '198.51.100.1',
    cookie: 'a=b',
  });
  assert.deepEqual(Object.fromEntries(headers), Object.fromEntries(plain));
  assert.match(headers.get('x-peer-id') ?? '', /^web-[0-9a-f]{16}$/);
  assert.equal(headers.get(CUSTOMER_HEADER), null);
});

test('names a customer by its key, which goes no further, and takes other texts for no key', async () => {
  const { ask } = open();
  const { headers } = await ask({ authorization: `Bearer ${SECRET}`, [PAYMENT_HEADER]: 'x' });
  assert.equal(headers.get(CUSTOMER_HEADER), 'key:0000000000000000');
  assert.equal(headers.get('authorization'), null);
  assert.equal(headers.get(PAYMENT_HEADER), null, 'the balance pays');
  const { headers: payer } = await ask({ authorization: 'Bearer x402', [PAYMENT_HEADER]: 'x' });
  assert.equal(payer.get(CUSTOMER_HEADER), null);
  assert.equal(payer.get(PAYMENT_HEADER), 'x');
  assert.equal((await ask({ 'x-api-key': `iws-${'0b'.repeat(24)}` })).status, 401);
});

test('limits all requests of an address and of a network', async () => {
  const { ask } = open();
  for (let time = 0; time < 100; time += 1) assert.equal((await ask({})).status, 200);
  assert.equal((await ask({})).status, 429);
  for (let host = 6; host < 9; host += 1) {
    for (let time = 0; time < 100; time += 1) await ask({}, `203.0.113.${host}`);
  }
  assert.equal((await ask({}, '203.0.113.10')).status, 429, 'its network has reached the limit');
  assert.equal((await ask({}, '203.0.114.10')).status, 200);
});

test('takes all addresses of one IPv6 subscriber for one visitor', () => {
  const of = createVisitors();
  assert.equal(of('2001:db8::1').peer, of('2001:0db8:0:0:ffff::2').peer);
  assert.notEqual(of('2001:db8::1').peer, of('2001:db8:0:1::1').peer);
  assert.equal(of('2001:db8::1').subnet, of('2001:db8:0:1::1').subnet);
  assert.equal(of('::1').peer, of('::2').peer);
  assert.notEqual(of('203.0.113.5').peer, of('203.0.113.6').peer);
  assert.notEqual(
    createVisitors()('203.0.113.5').peer,
    of('203.0.113.5').peer,
    'names mean nothing after a run',
  );
});
