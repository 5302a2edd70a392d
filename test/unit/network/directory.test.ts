/**
 * Goal: the directory knows who sells what now. Method: real signed offers over networks in memory, a clock
 * moved by hand. What would break: expired or forged offers used, peers asked without end, cheats asked again.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { readOffer } from '../../../main/core/identity/index.ts';
import { createDirectory } from '../../../main/core/network/index.ts';
import type { Network } from '../../../main/ports/network.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeProvider, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';

async function setUp(providers: number) {
  const hub = createFakeHub();
  const clock = manualClock(1_700_000_000_000);
  const buyer = await hub.createNetwork();
  await buyer.start();
  const models = [OFFERED];
  const sellers: (ReturnType<typeof createFakeProvider> & { network: Network })[] = [];
  for (let index = 0; index < providers; index += 1) {
    const network = await hub.createNetwork();
    await network.start();
    sellers.push({ network, ...createFakeProvider(network, { clock, models }) });
  }
  let asked = 0;
  const directory = createDirectory({
    network: {
      ...buyer,
      fetch: (peer, path, init) => {
        asked += 1;
        return buyer.fetch(peer, path, init);
      },
    },
    clock,
    readOffer: (jws, peer) => readOffer(jws, peer, { verifySigned, clock, verifyPayout: async () => true }),
  });
  const connect = async () => {
    for (const { network } of sellers) await buyer.connect(network.addresses()[0] ?? '');
  };
  return { hub, clock, buyer, sellers, directory, connect, models, asked: () => asked };
}

const peersOf = (found: readonly { peer: string }[]) => found.map(({ peer }) => peer).sort();

describe('directory', () => {
  it('learns the offers of peers as they come', async () => {
    const { directory, connect, sellers } = await setUp(2);
    const { promise, resolve } = Promise.withResolvers<void>();
    directory.onChange((providers) => {
      if (providers.length === 2) resolve();
    });
    directory.start();
    await connect();
    await promise;
    assert.deepEqual(peersOf(directory.providers()), sellers.map(({ network }) => network.key.peer).sort());
    directory.stop();
  });

  it('asks everybody when nobody is known to sell, and not more than once a second', async () => {
    const { directory, connect, asked, clock } = await setUp(2);
    await connect();
    assert.equal((await directory.find(OFFERED.id)).length, 2);
    const before = asked();
    assert.equal((await directory.find(OFFERED.id)).length, 2);
    assert.equal(asked(), before, 'known offers are not asked for again');
    await directory.find('unknown');
    await directory.find('unknown');
    assert.equal(asked(), before, 'within the same second');
    clock.advance(1_000);
    await directory.find('unknown');
    assert.equal(asked(), before + 2);
    assert.equal((await directory.find(null)).length, 2);
  });

  it('asks everybody when those who are known to sell are not wanted', async () => {
    const { directory, connect, sellers } = await setUp(2);
    await connect();
    const [known, unknown] = sellers.map(({ network }) => network.key.peer);
    await directory.refresh(known ?? assert.fail());
    assert.deepEqual(peersOf(await directory.find(OFFERED.id)), [known]);
    assert.deepEqual(peersOf(await directory.find(OFFERED.id, new Set([known ?? '']))), [unknown]);
  });

  it('does not use an offer beyond its end', async () => {
    const { directory, connect, sellers, clock } = await setUp(1);
    await connect();
    await directory.find(OFFERED.id);
    await sellers[0]?.network.stop();
    clock.advance(600_000);
    assert.deepEqual(directory.providers(), []);
    assert.deepEqual(await directory.find(OFFERED.id), []);
  });

  it('refreshes now and then, and sees what changed', async () => {
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

  it('leaves a peer out for as long as it is avoided', async () => {
    const { directory, connect, clock, sellers } = await setUp(2);
    await connect();
    await directory.find(OFFERED.id);
    const bad = sellers[0]?.network.key.peer ?? '';
    directory.avoid(bad, 5_000);
    assert.equal(directory.providers().length, 1);
    clock.advance(5_000);
    assert.equal(directory.providers().length, 2);
  });

  it('takes a peer that serves no offer, or a forged one, for one that sells nothing', async () => {
    const { directory, connect, sellers, buyer, hub } = await setUp(1);
    await connect();
    const mute = await hub.createNetwork();
    await mute.start();
    await buyer.connect(mute.addresses()[0] ?? '');
    const [seller] = sellers;
    const forged = await hub.createNetwork();
    await forged.start();
    if (seller) forged.serve(seller.server);
    await buyer.connect(forged.addresses()[0] ?? '');
    assert.deepEqual(peersOf(await directory.find(null)), [seller?.network.key.peer]);
    assert.equal(await directory.refresh(forged.key.peer), null);
  });
});
