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
import { RELAY_LIMITS } from '../../main/adapters/libp2p/relay-service.ts';
import { createPortMapper } from '../../main/adapters/router/index.ts';
import { defaultRouter } from '../../main/adapters/systeminformation/index.ts';
import { createOffers } from '../../main/core/identity/index.ts';
import {
  createAnnouncing,
  createDirectory,
  createSeeking,
  marketKey,
  PortOpening,
} from '../../main/core/network/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Market, Network } from '../../main/ports/network.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { OFFER_PATH, offerSchema } from '../../shared/offer.ts';
import { UNBOUND } from '../fakes/identity.ts';
import { createRecordingLog } from '../fakes/log.ts';
import {
  EVENT_MS,
  FIRST_EVENT_MS_MAX,
  type FromPeer,
  LAB_MODEL,
  LAB_TERMS,
  type LabPeer,
  SILENCE_MS_MAX,
  type ToPeer,
} from './market-messages.ts';

const options = JSON.parse(process.argv[2] ?? '') as LabPeer;
const { role, listen, announce, bootstrap, pingIntervalMs } = options;
const folder = mkdtempSync(join(tmpdir(), 'idlewatt-lab-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('disconnect', () => process.exit(0));
const log = createRecordingLog();
const common = { clock: systemClock, log, ...(pingIntervalMs !== undefined && { pingIntervalMs }) };
const FIND_AGAIN_MS = 200;
const DIAL_MS_MAX = 10_000;
const report = (message: FromPeer) => void process.send?.(message);

if (role === 'bootstrap' || role === 'relay') await runPublicNode();
else if (role === 'crowd') await runCrowd();
else await runMachine();

async function runPublicNode(): Promise<void> {
  const placeMs = options.placeMs ?? RELAY_LIMITS.placeMs;
  const node = await createPublicNode({
    ...{ ...common, folder, listen, announce, bootstrap },
    isRelay: role === 'relay',
    limits: { ...RELAY_LIMITS, placeMs },
  });
  await node.start();
  report({ type: 'up', peer: node.peer, addresses: [...node.addresses()] });
}

interface LabMachine {
  readonly network: Network;
  readonly market: Market;
  readonly opening: PortOpening;
}

async function openMachine(): Promise<LabMachine> {
  const network = await createNetwork({
    ...common,
    ...{ folder: null, listen, mdns: false },
    market: { announce: [], forwardedPort: options.forwardedPort ?? null },
  });
  await network.start();
  const market = forceUnwrap('this machine takes part in the market', network.market);
  const { peer } = network.key;
  market.onReach(() =>
    report({ type: 'reach', peer, reach: market.reach(), tested: market.ways().addresses }),
  );
  market.join(bootstrap);
  const mapper = createPortMapper({ fetch });
  const onChange = () => undefined;
  const opening = new PortOpening({
    mapper,
    router: defaultRouter,
    market,
    clock: systemClock,
    log,
    onChange,
  });
  return { network, market, opening };
}

async function runCrowd(): Promise<void> {
  for (let member = 0; member < (options.count ?? 0); member += 1) {
    serve((await openMachine()).network, new Hono());
  }
  report({ type: 'up', peer: '', addresses: [] });
}

async function runMachine(): Promise<void> {
  const { network, market, opening } = await openMachine();
  if (role === 'provider') sell(network, market);
  else reportWays(network);
  const seeking = createSeeking({ network, market, clock: systemClock, log });
  const directory = createDirectory({
    network,
    clock: systemClock,
    readOffer: async (jws, peer) => offerSchema.parse(await verifySigned(jws, peer)),
    seek: () => seeking.seek(marketKey),
  });
  directory.start();
  process.on('message', (message: ToPeer) => {
    if (message.type === 'find') void find((peers) => peers.length >= message.count);
    else if (message.type === 'seek') void find((peers) => peers.includes(message.peer));
    else if (message.type === 'open-port') opening.allow(message.isAllowed);
    else void buy(network, market, message);
  });
  report({ type: 'up', peer: network.key.peer, addresses: [...network.addresses()] });

  async function find(isEnough: (peers: readonly string[]) => boolean): Promise<void> {
    const startedMs = performance.now();
    for (;;) {
      await seeking.seek(marketKey);
      const peers = (await directory.find(LAB_MODEL)).map(({ peer }) => peer);
      const tookMs = performance.now() - startedMs;
      if (isEnough(peers)) return report({ type: 'found', peers, tookMs });
      await sleep(FIND_AGAIN_MS);
    }
  }
}

/** Offers a model, announces it and answers. */
function sell(network: Network, market: Market): void {
  const offers = createOffers({
    key: network.key,
    clock: systemClock,
    terms: () => LAB_TERMS,
    bindings: UNBOUND,
  });
  const app = new Hono();
  app.get(OFFER_PATH, async (context) => context.text((await offers.current()).jws));
  serve(network, app);
  const reporting: Market = {
    ...market,
    async provide(key, signal) {
      const taken = await market.provide(key, signal);
      report({ type: 'announced', peer: network.key.peer, taken });
      return taken;
    },
  };
  createAnnouncing({ market: reporting, clock: systemClock, log, keys: () => [marketKey] }).start();
}

/** Answers with numbered events. */
function serve(network: Network, app: Hono): void {
  app.get('/answer', (context) => {
    const everyMs = Number(context.req.query('every'));
    const until = Number(context.req.query('events'));
    let next = Number(context.req.query('from'));
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (next >= until) return controller.close();
        await sleep(everyMs);
        controller.enqueue(new TextEncoder().encode(`data: ${next}\n\n`));
        next += 1;
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  });
  network.serve(createHttpServer(app));
}

/** Reads an answer, and after an interruption or a silence the rest of it over a new stream. */
async function buy(
  network: Network,
  market: Market,
  purchase: Extract<ToPeer, { type: 'buy' }>,
): Promise<void> {
  const { id, peer, address, events } = purchase;
  const { everyMs = EVENT_MS, silenceMsMax = everyMs + SILENCE_MS_MAX } = purchase;
  const seen: number[] = [];
  const ways = new Set<string>();
  let interruptions = -1;
  const startedMs = performance.now();
  let firstEventMs: number | null = null;
  let lastMs = startedMs;
  let longestGapMs = 0;
  while (seen.length < events && interruptions < 50) {
    interruptions += 1;
    if (interruptions > 0) await sleep(100);
    if (address !== undefined) await market.dial([address], AbortSignal.timeout(DIAL_MS_MAX));
    const silent = new AbortController();
    let timer = systemClock.after(FIRST_EVENT_MS_MAX, () => silent.abort());
    const path = `/answer?events=${events}&from=${seen.length}&every=${everyMs}`;
    try {
      const response = await network.fetch(peer, path, { signal: silent.signal });
      ways.add(wayTo(network, peer));
      for await (const chunk of forceUnwrap('an answer has a body', response.body)) {
        timer.cancel();
        timer = systemClock.after(silenceMsMax, () => silent.abort());
        if (seen.length > 0) longestGapMs = Math.max(longestGapMs, performance.now() - lastMs);
        lastMs = performance.now();
        firstEventMs ??= lastMs - startedMs;
        for (const [, number] of new TextDecoder().decode(chunk).matchAll(/data: (\d+)\n/g))
          seen.push(Number(number));
        report({ type: 'progress', id, events: seen.length });
      }
    } catch {
      // The next request takes another way.
    }
    timer.cancel();
  }
  report({ type: 'bought', id, seen, interruptions, firstEventMs, longestGapMs, ways: [...ways] });
}

function reportWays(network: Network): void {
  const ways = new Map<string, string>();
  network.onPeers((peers) => {
    for (const { peer, connected } of peers) {
      const way = wayTo(network, peer);
      if (!connected || ways.get(peer) === way) continue;
      ways.set(peer, way);
      report({ type: 'way', peer, way });
    }
  });
}

/** The public address over which the peer is reached. */
function wayTo(network: Network, peer: string): string {
  const [address = ''] = network.peers().find((known) => known.peer === peer)?.addresses ?? [];
  return address.split('/')[2] ?? '';
}
