/**
 * Verifies: a change of a provider's offer reaches the buyers of its model within two seconds, and hints of strangers cost
 * them little.
 * Setup: real nodes on loopback, where private addresses count as public: a public node, a provider with a signed offer,
 * buyers with the agent's own directory (which asks once a minute), and a stranger.
 * Fails if: a buyer waits for its next refresh, hints don't pass the public node, one peer's flood makes a buyer fetch without
 * end, a forged or malformed hint is heard or passed on, or a peer that sends such hints is still heard.
 * Quiet: a change has two seconds to arrive.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromString } from '@libp2p/peer-id';
import { HINT_BYTES_MAX, HINTS_PER_ORIGIN_MAX, writeHint } from '../../main/adapters/libp2p/hint-checks.ts';
import { createNetwork, createPublicNode } from '../../main/adapters/libp2p/index.ts';
import { createMarketParts } from '../../main/adapters/libp2p/market-parts.ts';
import { createNode } from '../../main/adapters/libp2p/node.ts';
import { GossipedHints } from '../../main/adapters/libp2p/offer-gossip.ts';
import { hearingChanges, tellChanges } from '../../main/agent/offer-gossip.ts';
import { readOffer } from '../../main/core/identity/index.ts';
import { createDirectory, type Directory } from '../../main/core/network/index.ts';
import { FETCH_EVERY_MS_MIN, FETCHES_PER_PEER_MAX } from '../../main/core/network/offer-hints.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Market, Network, PublicNode } from '../../main/ports/network.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import type { OfferedModel } from '../../shared/offer.ts';
import { OFFER_SHARDS, offerShardOf } from '../../shared/offer-shards.ts';
import { OFFER_TOPIC_PREFIX } from '../../shared/wire.ts';
import { offerChecks } from '../fakes/identity.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { createFakeProvider, OFFERED } from '../fakes/market.ts';
import { FAKE_ASSET, FAKE_PAYOUT } from '../fakes/payment-gate.ts';

const TOLD_MS_MAX = 2_000;
const SHARD = offerShardOf(OFFERED.sha256);
const TOPIC = `${OFFER_TOPIC_PREFIX}${SHARD}`;

const closers: (() => unknown)[] = [];
const onClose = (close: () => unknown) => void closers.push(close);
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'idlewatt-gossip-'));
  onClose(() => rmSync(made, { recursive: true }));
  return made;
}

/** Returns the milliseconds that it took. */
async function until(condition: () => boolean): Promise<number> {
  const startMs = performance.now();
  while (!condition()) {
    if (performance.now() > startMs + 20_000) throw new Error('did not happen in time');
    await sleep(10);
  }
  return performance.now() - startMs;
}

type Machine = Network & { readonly market: Market };

async function openMachine(): Promise<Machine> {
  const network = await createNetwork({
    ...{ folder: folder(), clock: systemClock, mdns: false },
    market: { announce: [], scope: 'any' },
  });
  await network.start();
  onClose(() => network.stop());
  return network as Machine;
}

/** Between two hints of a flood. */
const HINT_PAUSE_MS = 20;
const listenPort = 30_000 + (process.pid % 10_000);

async function openPublicNode(): Promise<PublicNode> {
  const address = `/ip4/127.0.0.1/tcp/${listenPort}`;
  const node = await createPublicNode({
    ...{ folder: folder(), clock: systemClock, log: createRecordingLog() },
    ...{ listen: [address], announce: [address], bootstrap: [], isRelay: false, scope: 'any' },
  });
  await node.start();
  onClose(() => node.stop());
  return node;
}

interface Provider {
  readonly network: Machine;
  /** Its models; a test changes them and calls `changed`. */
  readonly models: OfferedModel[];
  changed(): void;
}

async function openProvider(): Promise<Provider> {
  const network = await openMachine();
  const models = [{ ...OFFERED }];
  createFakeProvider(network, { models });
  const terms = { payout: FAKE_PAYOUT, networks: ['eip155:31337'], asset: FAKE_ASSET, slots: 4 };
  let changed = () => {};
  tellChanges(
    { clock: systemClock, onClose },
    {
      market: network.market,
      offerTerms: () => ({ ...terms, models: [...models] }),
      sources: [
        (listener) => {
          changed = listener;
          return () => undefined;
        },
      ],
    },
  );
  return { network, models, changed: () => changed() };
}

async function openBuyer(): Promise<{ readonly network: Machine; readonly directory: Directory }> {
  const network = await openMachine();
  const directory = createDirectory({
    ...{ network, clock: systemClock },
    readOffer: (jws, peer) => readOffer(jws, peer, offerChecks(systemClock)),
  });
  directory.start();
  onClose(() => directory.stop());
  const hearing = hearingChanges(
    { clock: systemClock, onClose },
    { network, market: network.market, directory },
  );
  return { network, directory: hearing };
}

const priceAt = (directory: Directory) => directory.providers()[0]?.offer.models[0]?.price.inputPerMillion;

/** Connects and finds the model, after which the buyer listens to its shard. */
async function find(buyer: { network: Machine; directory: Directory }, provider: Provider): Promise<void> {
  await buyer.network.connect(provider.network.addresses()[0] ?? '');
  assert.equal((await buyer.directory.find(OFFERED.id)).length, 1);
}

/** Waits until a hint of the sender reaches the listener: gossip takes a moment to begin. */
async function untilHeard(listener: Machine, sender: Machine): Promise<void> {
  let isHeard = false;
  const stop = listener.market.hints.onHint((peer) => {
    isHeard ||= peer === sender.key.peer;
  });
  const endMs = performance.now() + 20_000;
  while (!isHeard) {
    if (performance.now() > endMs) throw new Error('No hint arrived');
    await sender.market.hints.publish(OFFER_SHARDS);
    await sleep(500);
  }
  stop();
}

test('a new price reaches two buyers within two seconds', async () => {
  const provider = await openProvider();
  const buyers = [await openBuyer(), await openBuyer()];
  for (const buyer of buyers) {
    await find(buyer, provider);
    await untilHeard(buyer.network, provider.network);
  }
  const told = (price: string | undefined) =>
    until(() => buyers.every(({ directory }) => priceAt(directory) === price));

  provider.models[0] = { ...OFFERED, price: { inputPerMillion: '19000', outputPerMillion: '80000' } };
  provider.changed();
  assert.ok((await told('19000')) < TOLD_MS_MAX);
});

test('a pause reaches a buyer within two seconds', async () => {
  const provider = await openProvider();
  const buyer = await openBuyer();
  await find(buyer, provider);
  await untilHeard(buyer.network, provider.network);
  provider.models.pop();
  provider.changed();
  const tookMs = await until(() =>
    buyer.directory.providers().every(({ offer }) => offer.models.length === 0),
  );
  assert.ok(tookMs < TOLD_MS_MAX);
});

test('a hint passes a public node between two machines that aren’t connected', async () => {
  const node = await openPublicNode();
  const [provider, buyer, other] = [await openMachine(), await openMachine(), await openMachine()];
  for (const machine of [provider, buyer, other]) machine.market.join(node.addresses());
  buyer.market.hints.listen(new Set([SHARD]));
  other.market.hints.listen(new Set([...OFFER_SHARDS].filter((shard) => shard !== SHARD).slice(0, 1)));
  await untilHeard(buyer, provider);
  assert.ok(!buyer.peers().some(({ peer }) => peer === provider.key.peer));

  let heard = 0;
  other.market.hints.onHint(() => {
    heard += 1;
  });
  await provider.market.hints.publish(new Set([SHARD]));
  await untilHeard(other, provider);
  assert.equal(heard, 1, 'a machine hears only the shards to which it listens');
});

test('a flood of hints by one peer is heard 12 times, and causes at most six fetches', async () => {
  const stranger = await openProvider();
  const buyer = await openBuyer();
  await find(buyer, stranger);
  await untilHeard(buyer.network, stranger.network);
  let heard = 0;
  let fetched = 0;
  buyer.network.market.hints.onHint(() => {
    heard += 1;
  });
  const { network } = buyer;
  const fetch = network.fetch;
  Object.assign(network, {
    fetch: (...given: Parameters<Network['fetch']>) => {
      fetched += 1;
      return fetch(...given);
    },
  });
  const endMs = performance.now() + (FETCHES_PER_PEER_MAX + 2) * FETCH_EVERY_MS_MIN;
  while (performance.now() < endMs) {
    await stranger.network.market.hints.publish(new Set([SHARD]));
    await sleep(HINT_PAUSE_MS);
  }
  assert.ok(fetched > 0);
  assert.ok(heard > 0 && heard <= HINTS_PER_ORIGIN_MAX, `${heard} hints`);
  assert.ok(fetched <= FETCHES_PER_PEER_MAX, `${fetched} fetches`);
});

interface GossipInternals {
  readonly score: { score(peer: string): number };
  readonly opts: { readonly scoreThresholds: { readonly graylistThreshold: number } };
  publishConfig: { author: unknown };
}

/** A node whose gossip the test uses by hand. */
async function openRawNode() {
  const privateKey = await generateKeyPair('Ed25519');
  const node = await createNode({
    ...{ privateKey, listen: ['/ip4/127.0.0.1/tcp/0'], mdnsServiceTag: null, connectionGater: {} },
    onFound: () => undefined,
    market: createMarketParts({ privateKey, scope: 'any', announce: [], isServer: true }),
  });
  await node.start();
  onClose(() => node.stop());
  const gossip = forceUnwrap('gossip', node.services.gossip);
  return { node, gossip, internals: gossip as unknown as GossipInternals };
}

test('malformed, oversized and forged hints are not heard, and after them nothing of their sender', async () => {
  const listener = await openRawNode();
  const hints = new GossipedHints(listener.gossip, systemClock);
  const heard: string[] = [];
  hints.onHint((peer) => heard.push(peer));
  hints.listen(new Set([SHARD]));
  const honest = await openMachine();
  const { node, gossip, internals } = await openRawNode();
  const address = forceUnwrap('an address', listener.node.getMultiaddrs()[0]);
  await node.dial(address);
  await until(() => gossip.getSubscribers(TOPIC).length === 1);
  const publish = (text: string) => gossip.publish(TOPIC, new TextEncoder().encode(text));

  await gossip.publish(TOPIC, writeHint(Date.now()));
  await until(() => heard.length === 1);
  const { author } = internals.publishConfig;
  internals.publishConfig.author = peerIdFromString(honest.key.peer);
  await gossip.publish(TOPIC, writeHint(Date.now() + 1));
  internals.publishConfig.author = author;
  await publish(`{"atMs":${Date.now() + 2},"more":"${'x'.repeat(HINT_BYTES_MAX)}"}`);
  await publish('{"atMs":"now"}');
  const { score, opts } = listener.internals;
  await until(() => score.score(node.peerId.toString()) < opts.scoreThresholds.graylistThreshold);
  await gossip.publish(TOPIC, writeHint(Date.now() + 3));

  await honest.connect(address.toString());
  await until(() => {
    void honest.market.hints.publish(new Set([SHARD]));
    return heard.length > 1;
  });
  assert.equal(heard.filter((peer) => peer === node.peerId.toString()).length, 1);
});
