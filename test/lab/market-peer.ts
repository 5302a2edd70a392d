/**
 * One machine of the open market in the lab: a public node, a provider or a buyer, made of the same parts as an agent's, with
 * a service in place of an engine. Reports that it is up, then does what the test's messages say.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Hono } from 'hono';
import { createHttpServer } from '../../main/adapters/http/index.ts';
import { createNetwork, createPublicNode, verifySigned } from '../../main/adapters/libp2p/index.ts';
import { createOffers } from '../../main/core/identity/index.ts';
import {
  createAnnouncing,
  createDirectory,
  createSeeking,
  marketKey,
} from '../../main/core/network/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Market, Network } from '../../main/ports/network.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { OFFER_PATH, offerSchema } from '../../shared/offer.ts';
import { UNBOUND } from '../fakes/identity.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { EVENT_MS, type FromPeer, LAB_MODEL, LAB_TERMS, type ToPeer } from './market-messages.ts';

const [role = '', address = '', ...bootstrap] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'idlewatt-lab-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('disconnect', () => process.exit(0));
const log = createRecordingLog();
const common = { folder, clock: systemClock, log };
const report = (message: FromPeer) => void process.send?.(message);

if (role === 'bootstrap' || role === 'relay') await runPublicNode();
else await runMachine();

async function runPublicNode(): Promise<void> {
  const port = '/tcp/4001';
  const node = await createPublicNode({
    ...common,
    listen: [`/ip4/0.0.0.0${port}`],
    announce: [`/ip4/${address}${port}`],
    bootstrap,
    isRelay: role === 'relay',
  });
  await node.start();
  report({ type: 'up', peer: node.peer, addresses: [...node.addresses()] });
}

async function runMachine(): Promise<void> {
  const network = await createNetwork({
    ...common,
    listen: ['/ip4/0.0.0.0/tcp/4001'],
    mdns: false,
    market: { announce: [] },
  });
  await network.start();
  const market = forceUnwrap('this machine takes part in the market', network.market);
  market.onReach(() => report({ type: 'reach', reach: market.reach() }));
  market.join(bootstrap);
  if (role === 'provider') sell(network, market);
  const seeking = createSeeking({ network, market, clock: systemClock, log });
  const directory = createDirectory({
    network,
    clock: systemClock,
    readOffer: async (jws, peer) => offerSchema.parse(await verifySigned(jws, peer)),
    seek: () => seeking.seek(marketKey),
  });
  directory.start();
  process.on('message', (message: ToPeer) => {
    if (message.type === 'find') void find();
    else void buy(network, message);
  });
  report({ type: 'up', peer: network.key.peer, addresses: [...network.addresses()] });

  async function find(): Promise<void> {
    const startedMs = performance.now();
    const found = await directory.find(LAB_MODEL);
    report({ type: 'found', peers: found.map(({ peer }) => peer), tookMs: performance.now() - startedMs });
  }
}

/** Offers a model and answers with numbered events. */
function sell(network: Network, market: Market): void {
  const offers = createOffers({
    key: network.key,
    clock: systemClock,
    terms: () => LAB_TERMS,
    bindings: UNBOUND,
  });
  const app = new Hono();
  app.get(OFFER_PATH, async (context) => context.text((await offers.current()).jws));
  app.get('/answer', (context) => {
    const until = Number(context.req.query('events'));
    let next = Number(context.req.query('from'));
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (next >= until) return controller.close();
        await sleep(EVENT_MS);
        controller.enqueue(new TextEncoder().encode(`data: ${next}\n\n`));
        next += 1;
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  });
  network.serve(createHttpServer(app));
  const reporting: Market = {
    ...market,
    async provide(key, signal) {
      const taken = await market.provide(key, signal);
      report({ type: 'announced', taken });
      return taken;
    },
  };
  createAnnouncing({ market: reporting, clock: systemClock, log, keys: () => [marketKey] }).start();
}

/** Reads an answer, and after an interruption the rest of it over a new stream. */
async function buy(network: Network, { peer, events }: Extract<ToPeer, { type: 'buy' }>): Promise<void> {
  const seen: number[] = [];
  const ways = new Set<string>();
  let interruptions = -1;
  while (seen.length < events && interruptions < 50) {
    interruptions += 1;
    if (interruptions > 0) await sleep(100);
    try {
      const response = await network.fetch(peer, `/answer?events=${events}&from=${seen.length}`, {});
      ways.add(wayTo(network, peer));
      for await (const chunk of forceUnwrap('an answer has a body', response.body)) {
        for (const [, number] of new TextDecoder().decode(chunk).matchAll(/data: (\d+)\n/g))
          seen.push(Number(number));
        report({ type: 'progress', events: seen.length });
      }
    } catch {
      // The relay is gone: the next request takes another one.
    }
  }
  report({ type: 'bought', seen, interruptions, ways: [...ways] });
}

/** The public address over which the peer is reached. */
function wayTo(network: Network, peer: string): string {
  const [address = ''] = network.peers().find((known) => known.peer === peer)?.addresses ?? [];
  return address.split('/')[2] ?? '';
}
