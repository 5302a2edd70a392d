/** Fuzzing of what comes from the market and from browsers: addresses in records, records, and codes for pairing. */
import { multiaddr } from '@multiformats/multiaddr';
import fc from 'fast-check';
import { Key } from 'interface-datastore';
import { BoundedDatastore } from '../../main/adapters/libp2p/bounded-datastore.ts';
import { hostOf } from '../../main/adapters/libp2p/connection-limits.ts';
import {
  readNonce,
  readRequest,
  readResponse,
  writeNonce,
  writeRequest,
  writeResponse,
} from '../../main/adapters/libp2p/dial-messages.ts';
import {
  ADDRESSES_PER_PEER_MAX,
  dialable,
  isRelayed,
  namedAddress,
  ofPeer,
  plainAddress,
} from '../../main/adapters/libp2p/public-addresses.ts';
import { describeServices } from '../../main/adapters/router/gateway-device.ts';
import { readAnswer } from '../../main/adapters/router/nat-pmp.ts';
import { readLocation } from '../../main/adapters/router/upnp.ts';
import { HubRefusal, parseHubLink } from '../../main/core/model-hub/index.ts';
import { createSeeking } from '../../main/core/network/index.ts';
import { createPairing } from '../../main/core/pairing/index.ts';
import { checkShape } from '../../shared/check-shape.ts';
import { pairRequestSchema } from '../../shared/pairing.ts';
import { subnetOf } from '../../shared/subnet.ts';
import { manualClock } from '../../test/fakes/clock.ts';
import { createRecordingLog } from '../../test/fakes/log.ts';
import { oddBytes, oddJson, oddText } from './inputs.ts';
import { refusing, type Target, target } from './target.ts';

const PEER = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp';
const ADDRESSES = [
  `/ip4/203.0.113.5/tcp/4001/p2p/${PEER}`,
  `/ip6/2001:db8::1/tcp/4001/p2p/${PEER}/p2p-circuit/p2p/${PEER}`,
  `/dns4/relay.example/tcp/443/wss/p2p/${PEER}`,
  '/ip4/192.168.1.1/udp/4001/quic-v1/webtransport',
  '/ip6zone/eth0/ip6/fe80::1/tcp/80',
];

const addresses = target({ name: 'addresses', share: 6 }, oddText(ADDRESSES), (text) => {
  refusing(['bad-request'], () => namedAddress(text));
  const address = refusing(['bad-request'], () => plainAddress(text));
  if (address === null) return;
  const found = dialable(Array(20).fill(address), 'public');
  if (found.length > ADDRESSES_PER_PEER_MAX) throw new Error('more addresses than allowed');
  const host = hostOf(address.toString());
  if (host !== null) subnetOf(host);
});

const BINARY = ADDRESSES.map((address) => multiaddr(address).bytes);

const binaryAddresses = target({ name: 'addresses in records', share: 4 }, oddBytes(BINARY), (bytes) => {
  let address: ReturnType<typeof multiaddr>;
  try {
    address = multiaddr(bytes);
  } catch {
    // libp2p leaves out what it can't read.
    return;
  }
  for (const each of dialable([address], 'public')) isRelayed(ofPeer(each, PEER));
});

let records = new BoundedDatastore(PEER);
let stored = 0;
const keys = fc.oneof(
  oddText(['/dht/provider/bafk/12D3KooW', '/dht/record/a', `/peers/${PEER}`]).map((text) =>
    text.toWellFormed(),
  ),
  fc.tuple(fc.nat(50), fc.nat(999)).map(([key, peer]) => `/dht/provider/${key}/${peer}`),
);

const datastore = target(
  { name: 'stored records', share: 6 },
  fc.record({ name: keys, value: fc.uint8Array({ maxLength: 40 }), remove: fc.boolean() }),
  ({ name, value, remove }) => {
    stored += 1;
    if (stored % 5_000 === 0) records = new BoundedDatastore(PEER);
    const key = new Key(name.replaceAll('//', '/'));
    records.put(key, value);
    if (!Buffer.from(records.get(key)).equals(value)) throw new Error('another record');
    if (remove) records.delete(key);
    if (remove && records.has(key)) throw new Error('a deleted record');
  },
);

const found = fc.array(
  fc.record({ peer: oddText([PEER]), addresses: fc.array(oddText(ADDRESSES), { maxLength: 3 }) }),
  { maxLength: 60 },
);

const seeking = target({ name: 'found providers', share: 1 }, found, async (providers) => {
  let dials = 0;
  const { seek, stop } = createSeeking({
    ...{ network: { peers: () => [] }, clock: manualClock(0), log: createRecordingLog() },
    market: {
      async *find() {
        yield* providers;
      },
      async dial() {
        dials += 1;
        return false;
      },
    },
  });
  await seek('a'.repeat(64));
  stop();
  if (dials > 24) throw new Error('more dials than allowed');
});

const pairRequests = fc.oneof(
  oddJson([{ code: 'ABCD-EFGH', name: 'Firefox' }]),
  fc.record({ code: fc.string({ maxLength: 40 }), name: fc.string({ unit: 'binary', maxLength: 60 }) }),
);

const pairing = target({ name: 'codes for pairing', share: 4 }, pairRequests, (body) => {
  const read = checkShape(pairRequestSchema, body);
  if (!read.success) return;
  const pairs = createPairing({
    store: { read: () => [], write: () => undefined },
    ...{ clock: manualClock(0), log: createRecordingLog() },
  });
  const { code } = pairs.startCode();
  if (pairs.check({ id: read.data.name, key: read.data.code }, read.data.name)) throw new Error('let in');
  // A guess is right once in 2^40.
  if (!('problem' in pairs.pair(read.data))) throw new Error(`paired without the code ${code}`);
});

const links = target(
  { name: 'links to models', share: 3 },
  oddText(['owner/model:Q4_K_M', 'https://huggingface.co/owner/model/blob/main/a.gguf', 'hf.co/o/m']),
  (text) => {
    try {
      parseHubLink(text);
    } catch (error) {
      if (!(error instanceof HubRefusal)) throw error;
    }
  },
);

const NONCE = 0x0807060504030201n;
const questions = [
  writeRequest({ addresses: BINARY, nonce: NONCE }),
  writeResponse({ status: 200, index: 0, dial: 200 }),
  writeNonce(NONCE),
];

const addressTests = target({ name: 'tests of addresses', share: 4 }, oddBytes(questions), (bytes) => {
  for (const read of [readRequest, readResponse, readNonce]) {
    try {
      read(bytes);
    } catch (error) {
      // Only what protons throws for bytes that end too early or have an unknown type.
      if (!(error instanceof Error) || error instanceof TypeError) throw error;
    }
  }
});

const ROUTER = '192.168.1.1';
const IGD = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1';
const DESCRIPTION = `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceType>${IGD}</deviceType><serviceList><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/ctl</controlURL></service></serviceList></device></root>`;

const routerAnswers = target(
  { name: 'answers of a router', share: 1 },
  fc.record({
    datagram: oddText([`HTTP/1.1 200 OK\r\nST: ${IGD}\r\nLOCATION: http://${ROUTER}:5000/root.xml\r\n\r\n`]),
    description: oddText([DESCRIPTION]),
  }),
  async ({ datagram, description }) => {
    const bytes = new TextEncoder().encode(datagram);
    readAnswer(bytes, 2, 16);
    const location = readLocation(bytes, ROUTER);
    if (location !== null && new URL(location).hostname !== ROUTER) throw new Error('another host');
    const { signal } = new AbortController();
    const fetchRouter = async () => new Response(description);
    for (const { controlUrl } of await describeServices(`http://${ROUTER}/`, ROUTER, fetchRouter, signal)) {
      if (new URL(controlUrl).hostname !== ROUTER) throw new Error('a service elsewhere');
    }
  },
);

export const NETWORK_TARGETS: readonly Target[] = [
  addresses,
  binaryAddresses,
  datastore,
  seeking,
  pairing,
  links,
  addressTests,
  routerAnswers,
];
