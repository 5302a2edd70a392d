/**
 * Verifies: `--role relay` runs a public node that machines can use and that has nothing of an agent's but a key and a log, and,
 * if it charges, a wallet and a ledger.
 * Setup: the real program on loopback, as a person starts it.
 * Fails if: a free relay creates a wallet or database, one that charges shows other terms, the metrics leave loopback or miss the
 * relay, a wrong command line starts something, or a second node uses the same folder.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { decodePaymentRequiredHeader } from '@x402/core/http';
import { createNetwork, verifySigned } from '../../main/adapters/libp2p/index.ts';
import { readRelayTerms } from '../../main/core/relaying/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { startAgent } from '../../scripts/lib/agent-process.ts';
import { freePort } from '../../scripts/lib/free-port.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { RELAY_ALLOWANCE_PATH, RELAY_TERMS_PATH } from '../../shared/relaying.ts';
import { PAYMENT_REQUIRED_HEADER } from '../../shared/wire.ts';
import { temporaryHome } from './practice-agent.ts';

const home = temporaryHome();
after(() => home.remove());
const ANNOUNCE = ['--announce', '/ip4/45.0.0.20/tcp/4001'];
const LISTEN = ['--listen', '/ip4/127.0.0.1/tcp/0'];
const relayAt = (folder: string, ...options: readonly string[]) =>
  startAgent(['--headless', '--role', 'relay', '--home', join(home.path, folder), ...options]);

test('a relay announces its address, serves metrics on loopback, and has no wallet or database', async () => {
  const relay = await relayAt('relay', ...LISTEN, ...ANNOUNCE, '--metrics-port', '0');
  const { peer, page, gateway, metrics = '' } = relay.ready;
  assert.deepEqual(peer.addresses, [`/ip4/45.0.0.20/tcp/4001/p2p/${peer.id}`]);
  assert.deepEqual([page, gateway], [null, null]);
  assert.equal(new URL(metrics).hostname, '127.0.0.1');
  const text = await (await fetch(metrics)).text();
  assert.match(text, /^idlewatt_relay_places 0$/m);
  assert.match(text, /^process_resident_memory_bytes \d/m);
  assert.equal((await fetch(new URL('/', metrics))).status, 404);
  await assert.rejects(relayAt('relay', ...LISTEN, ...ANNOUNCE), /already using the data folder/);
  assert.equal(await relay.stop(), 0);
  assert.deepEqual(readdirSync(join(home.path, 'relay/keys')).sort(), ['peer.id', 'peer.key']);
  assert.ok(!readdirSync(join(home.path, 'relay')).includes('idlewatt.db'));
});

test('a relay that charges shows its signed terms, takes channels and counts allowances', {
  // It starts a chain, and the audit a copy of it.
  timeout: 240_000,
}, async () => {
  const port = await freePort();
  const options = ['--listen', `/ip4/127.0.0.1/tcp/${port}`, ...ANNOUNCE, '--relay-price', '20'];
  const relay = await relayAt('charging', ...options);
  const { id } = relay.ready.peer;
  const network = await createNetwork({ folder: null, clock: systemClock, mdns: false });
  await network.start();
  await network.connect(`/ip4/127.0.0.1/tcp/${port}/p2p/${id}`);
  const terms = await network.fetch(id, RELAY_TERMS_PATH, {});
  const checks = { verifySigned, clock: systemClock, clockErrorMsMax: 0 };
  const { pricePerMegabyte, payout } = await readRelayTerms(await terms.text(), id, checks);
  assert.equal(pricePerMegabyte, '20');
  const allowance = await network.fetch(id, RELAY_ALLOWANCE_PATH, {});
  assert.deepEqual(await allowance.json(), { boughtBytes: 0, usedBytes: 0 });
  const unpaid = await network.fetch(id, RELAY_ALLOWANCE_PATH, { method: 'POST' });
  assert.equal(unpaid.status, 402);
  const required = decodePaymentRequiredHeader(unpaid.headers.get(PAYMENT_REQUIRED_HEADER) ?? '');
  const [first] = required.accepts;
  assert.deepEqual([first?.amount, first?.payTo.toLowerCase()], ['20', payout.toLowerCase()]);
  await unpaid.text();
  await network.stop();
  assert.equal(await relay.stop(), 0);
  // Exits with 1 and lists each difference if the ledger and the chain disagree.
  const verify = [AGENT_PROGRAM, 'ledger', 'verify', '--home', join(home.path, 'charging')];
  await promisify(execFile)(process.execPath, verify, { timeout: 120_000 });
});

test('a wrong command line starts nothing', async () => {
  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [['--role', 'relay', ...LISTEN], /requires --listen and --announce/],
    [
      ['--role', 'relay', ...LISTEN, ...ANNOUNCE, '--bootstrap', '/ip4/45.0.0.10/tcp/1'],
      /multiaddr with a peer ID/,
    ],
    [['--role', 'relay', ...LISTEN, '--announce', 'nonsense'], /Invalid address "nonsense"/],
    [['--bootstrap', '/ip4/45.0.0.10/tcp/1'], /multiaddr with a peer ID/],
    [['--announce', '/ip4/45.0.0.20/tcp/4001'], /require --profile open/],
    [['--public-dht'], /--public-dht requires --profile open/],
    [['--listen', '/ip4/0.0.0.0/tcp/4001'], /practice stays on this machine/],
  ];
  for (const [options, reason] of refusals) {
    await assert.rejects(
      startAgent(['--headless', '--home', join(home.path, 'refused'), ...options]),
      reason,
    );
  }
});
