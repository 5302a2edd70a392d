/**
 * Verifies: the addresses of the open market are those of the command line and of the settings.
 * Fails if: a setting hides what the owner typed at the start, the forwarded port isn't announced where it is opened, or a host
 *   name is announced as an IP address.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { marketAddresses } from '../../../main/core/network/index.ts';
import { DEFAULT_SETTINGS, settingsPatchSchema } from '../../../shared/settings.ts';

const USUAL = ['/ip4/0.0.0.0/tcp/0'];
const NODE = '/ip4/203.0.113.5/tcp/4001/p2p/12D3KooWMfJoto6bGrVWJ5VDy716CzBJz5LNnru7ZmXx3RN4virQ';

test('without settings and options, nothing is named', () => {
  assert.deepEqual(marketAddresses({}, DEFAULT_SETTINGS, USUAL), {
    bootstrap: [],
    listen: USUAL,
    announce: [],
    otherwise: null,
  });
});

test('public nodes of both are asked, each once', () => {
  const settings = { ...DEFAULT_SETTINGS, publicNodes: [NODE, '/dns/b.example/tcp/1/p2p/x'] };
  const { bootstrap } = marketAddresses({ bootstrap: [NODE] }, settings, USUAL);
  assert.deepEqual(bootstrap, [NODE, '/dns/b.example/tcp/1/p2p/x']);
});

test('a forwarded port is opened instead of the usual one, and announced at the public address', () => {
  const settings = { ...DEFAULT_SETTINGS, forwardedPort: 4_001 };
  const listen = ['/ip4/0.0.0.0/tcp/4001'];
  const own = { bootstrap: [], listen, announce: [], otherwise: USUAL };
  assert.deepEqual(marketAddresses({}, settings, USUAL), own);
  const announced = (publicHost: string) => marketAddresses({}, { ...settings, publicHost }, USUAL).announce;
  assert.deepEqual(announced('203.0.113.5'), ['/ip4/203.0.113.5/tcp/4001']);
  assert.deepEqual(announced('2001:db8::1'), ['/ip6/2001:db8::1/tcp/4001']);
  assert.deepEqual(announced('home.example.org'), ['/dns/home.example.org/tcp/4001']);
});

test('the command line replaces the port and the address of the settings', () => {
  const settings = { ...DEFAULT_SETTINGS, forwardedPort: 4_001, publicHost: '203.0.113.5' };
  const listen = ['/ip4/0.0.0.0/tcp/5001'];
  const own = { bootstrap: [], listen, announce: [], otherwise: null };
  assert.deepEqual(marketAddresses({ listen }, settings, USUAL), own);
  const announce = ['/ip4/203.0.113.9/tcp/6001'];
  assert.deepEqual(marketAddresses({ listen, announce }, settings, USUAL).announce, announce);
});

test('only addresses with a peer ID, unprivileged ports and plain host names are stored', () => {
  const isStored = (patch: object) => settingsPatchSchema.safeParse(patch).success;
  assert.ok(isStored({ publicNodes: [NODE], forwardedPort: 4_001, publicHost: 'home.example.org' }));
  for (const node of ['/ip4/203.0.113.5/tcp/4001', 'https://example.org', `${NODE} `, NODE.slice(1)]) {
    assert.equal(isStored({ publicNodes: [node] }), false, node);
  }
  for (const forwardedPort of [0, 80, 65_536, 4_001.5]) assert.equal(isStored({ forwardedPort }), false);
  for (const publicHost of ['', 'a b', 'a/b', 'https://a']) assert.equal(isStored({ publicHost }), false);
});
