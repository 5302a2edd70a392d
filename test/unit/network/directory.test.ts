/**
 * Verifies: the directory lists exactly the providers with a valid offer.
 * Setup: real signed offers over networks in memory, a clock that the test moves.
 * Fails if: an expired or forged offer is used, peers are queried without limit, a peer to avoid is listed.
 */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { it } from 'node:test';
import { readOffer } from '../../../main/core/identity/index.ts';
import { createDirectory } from '../../../main/core/network/index.ts';
import type { Network } from '../../../main/ports/network.ts';
import { manualClock } from '../../fakes/clock.ts';
import { offerChecks } from '../../fakes/identity.ts';
import { createFakeProvider, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';

/** A JWS of an offer with a million models would have. */
const MILLION_MODELS_BYTES = 1_000_000 * JSON.stringify(OFFERED).length;

async function setUp(count: number) {
  const hub = createFakeHub();
  const clock = manualClock(1_700_000_000_000);
  const requester = await hub.createNetwork();
  await requester.start();
  const models = [OFFERED];
  const sellingPeers: (ReturnType<typeof createFakeProvider> & { network: Network })[] = [];
  for (let index = 0; index < count; index += 1) {
    const network = await hub.createNetwork();
    await network.start();
    sellingPeers.push({ network, ...createFakeProvider(network, { clock, models }) });
  }
  let fetches = 0;
  const directory = createDirectory({
    network: {
      ...requester,
      fetch: (peer, path, init) => {
        fetches += 1;
        return requester.fetch(peer, path, init);
      },
    },
    clock,
    readOffer: (jws, peer) => readOffer(jws, peer, offerChecks(clock)),
  });
  const connect = async () => {
    for (const { network } of sellingPeers) await requester.connect(network.addresses()[0] ?? '');
  };
  return { hub, clock, requester, sellingPeers, directory, connect, models, fetches: () => fetches };
}

const peersOf = (found: readonly { peer: string }[]) => found.map(({ peer }) => peer).sort();

it('fetches the offers of peers when they connect', async () => {
  const { directory, connect, sellingPeers } = await setUp(2);
  const { promise, resolve } = Promise.withResolvers<void>();
  directory.onChange((providers) => {
    if (providers.length === 2) resolve();
  });
  directory.start();
  await connect();
  await promise;
  assert.deepEqual(
    peersOf(directory.providers()),
    sellingPeers.map(({ network }) => network.key.peer).sort(),
  );
  directory.stop();
});

it('fetches the offer of a known peer again when it reconnects', async () => {
  const { directory, connect, sellingPeers, models, requester } = await setUp(1);
  const [{ network }] = sellingPeers as [(typeof sellingPeers)[number]];
  models.length = 0;
  directory.start();
  await connect();
  await directory.refresh(network.key.peer);
  await network.stop();
  assert.deepEqual(requester.peers(), []);
  models.push(OFFERED);
  const { promise, resolve } = Promise.withResolvers<void>();
  directory.onChange((providers) => {
    if (providers.length === 1) resolve();
  });
  await network.start();
  await connect();
  await promise;
  directory.stop();
});

it('queries all peers when no provider is known, at most once per second', async () => {
  const { directory, connect, fetches, clock } = await setUp(2);
  await connect();
  assert.equal((await directory.find(OFFERED.id)).length, 2);
  const before = fetches();
  assert.equal((await directory.find(OFFERED.id)).length, 2);
  assert.equal(fetches(), before, 'known offers are not fetched again');
  await directory.find('unknown');
  await directory.find('unknown');
  assert.equal(fetches(), before, 'within the same second');
  clock.advance(1_000);
  await directory.find('unknown');
  assert.equal(fetches(), before + 2);
  assert.equal((await directory.find(null)).length, 2);
});

it('queries all peers when the known providers are to be left out', async () => {
  const { directory, connect, sellingPeers } = await setUp(2);
  await connect();
  const [known, unknown] = sellingPeers.map(({ network }) => network.key.peer);
  await directory.refresh(known ?? assert.fail());
  assert.deepEqual(peersOf(await directory.find(OFFERED.id)), [known]);
  assert.deepEqual(peersOf(await directory.find(OFFERED.id, new Set([known ?? '']))), [unknown]);
});

it('does not use an expired offer', async () => {
  const { directory, connect, sellingPeers, clock } = await setUp(1);
  await connect();
  await directory.find(OFFERED.id);
  await sellingPeers[0]?.network.stop();
  clock.advance(600_000);
  assert.deepEqual(directory.providers(), []);
  assert.deepEqual(await directory.find(OFFERED.id), []);
});

it('refreshes offers at intervals and reports changes', async () => {
  const { directory, connect, clock, models } = await setUp(1);
  await connect();
  directory.start();
  await directory.find(OFFERED.id);
  models.push({ ...OFFERED, id: 'second' });
  const { promise, resolve } = Promise.withResolvers<number>();
  directory.onChange((providers) => resolve(providers[0]?.offer.models.length ?? 0));
  clock.advance(60_000);
  assert.equal(await promise, 2);
  directory.stop();
});

it('leaves out a peer to avoid until the longest of several penalties is over', async () => {
  const { directory, connect, clock, sellingPeers } = await setUp(2);
  await connect();
  await directory.find(null);
  const bad = sellingPeers[0]?.network.key.peer ?? '';
  directory.avoid(bad, 5_000);
  directory.avoid(bad, 1_000);
  clock.advance(4_999);
  assert.ok(!peersOf(directory.providers()).includes(bad));
  clock.advance(1);
  assert.ok(peersOf(directory.providers()).includes(bad));
  directory.stop();
});

it('leaves out a peer to avoid for the given time', async () => {
  const { directory, connect, clock, sellingPeers } = await setUp(2);
  await connect();
  await directory.find(OFFERED.id);
  const bad = sellingPeers[0]?.network.key.peer ?? '';
  directory.avoid(bad, 5_000);
  assert.equal(directory.providers().length, 1);
  clock.advance(5_000);
  assert.equal(directory.providers().length, 2);
});

it('treats a peer without an offer or with a forged one as selling nothing', async () => {
  const { directory, connect, sellingPeers, requester, hub } = await setUp(1);
  await connect();
  const mute = await hub.createNetwork();
  await mute.start();
  await requester.connect(mute.addresses()[0] ?? '');
  const [sellingPeer] = sellingPeers;
  const forged = await hub.createNetwork();
  await forged.start();
  if (sellingPeer) forged.serve(sellingPeer.server);
  await requester.connect(forged.addresses()[0] ?? '');
  assert.deepEqual(peersOf(await directory.find(null)), [sellingPeer?.network.key.peer]);
  assert.equal(await directory.refresh(forged.key.peer), null);
});

it('reads no more of an offer than one can have: a million models, or no end, sell nothing', async () => {
  const { directory, hub, requester } = await setUp(0);
  const flood = await hub.createNetwork();
  await flood.start();
  let sentBytes = 0;
  const model = Buffer.from(JSON.stringify(OFFERED).repeat(200)).toString('base64url');
  flood.serve(
    createServer((_request, response) => {
      const send = () => {
        while (!response.destroyed && sentBytes < MILLION_MODELS_BYTES) {
          sentBytes += model.length;
          if (!response.write(model)) return void response.once('drain', send);
        }
        response.end();
      };
      send();
    }),
  );
  await requester.connect(flood.addresses()[0] ?? '');
  assert.equal(await directory.refresh(flood.key.peer), null);
  assert.deepEqual(directory.providers(), []);
  assert.ok(sentBytes < 1_000_000, `${sentBytes} bytes were taken`);
});
