/**
 * Verifies: web pages can use the gateway only from origins that the owner allows, with the key, and proxies only under
 * allowed host names.
 * Setup: a gateway on a network without providers; requests with every combination of origin and host.
 * Fails if: any other page is admitted, a preflight request needs the key, or a page is admitted without it.
 */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { MODELS_PATH } from '../../../shared/wire.ts';
import { createFakeGateway } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';

const ALLOWED = 'https://example.org';
let exceptions = { origins: [ALLOWED], hosts: ['proxy.example.org'] };
let network: Awaited<ReturnType<ReturnType<typeof createFakeHub>['createNetwork']>>;
let gateway: Awaited<ReturnType<typeof createFakeGateway>>;
before(async () => {
  network = await createFakeHub().createNetwork();
  await network.start();
  gateway = await createFakeGateway(network, { exceptions: () => exceptions });
});
after(async () => {
  await gateway.stop();
  await network.stop();
});

function request(headers: Record<string, string>, method = 'GET'): Promise<Response> {
  const all = { host: '127.0.0.1', ...headers };
  return Promise.resolve(gateway.gateway.app.request(MODELS_PATH, { method, headers: all }));
}
const withKey = () => ({ authorization: `Bearer ${gateway.key}` });

it('admits an allowed page with the key, and shows it the response', async () => {
  const response = await request({ ...withKey(), origin: ALLOWED, 'sec-fetch-site': 'cross-site' });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('access-control-allow-origin'), ALLOWED);
  const withoutKey = await request({ origin: ALLOWED });
  assert.equal(withoutKey.status, 401);
});

it('answers the preflight request of an allowed page without the key, and of no other', async () => {
  const asking = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,x-a',
  };
  const response = await request({ ...asking, origin: ALLOWED }, 'OPTIONS');
  assert.equal(response.status, 204);
  assert.equal(response.headers.get('access-control-allow-headers'), 'authorization,x-a');
  const other = await request({ ...asking, origin: 'https://other.example' }, 'OPTIONS');
  assert.equal(other.status, 401);
  assert.equal(other.headers.get('access-control-allow-origin'), null);
  const rebound = await request({ ...asking, origin: ALLOWED, host: 'evil.example' }, 'OPTIONS');
  assert.equal(rebound.status, 401);
});

it('refuses every other page, and names its origin', async () => {
  for (const origin of ['https://other.example', `${ALLOWED}.evil.example`, 'null', `${ALLOWED}:81`]) {
    const response = await request({ ...withKey(), origin });
    assert.equal(response.status, 401, origin);
    assert.equal(response.headers.get('access-control-allow-origin'), null);
    assert.ok((await response.json()).error.message.includes(origin));
  }
  const hidden = await request({ ...withKey(), 'sec-fetch-site': 'cross-site' });
  assert.equal(hidden.status, 401);
});

it('admits a proxy under an allowed host name, and nothing once the owner takes it back', async () => {
  assert.equal((await request({ ...withKey(), host: 'proxy.example.org:8080' })).status, 200);
  assert.equal((await request({ ...withKey(), host: 'example.org' })).status, 401);
  exceptions = { origins: [], hosts: [] };
  assert.equal((await request({ ...withKey(), host: 'proxy.example.org' })).status, 401);
  assert.equal((await request({ ...withKey(), origin: ALLOWED })).status, 401);
});
