/**
 * docs/protocol.md and its test vectors. The text is written by hand; the tables of names and limits between its marks are
 * made from the code, so that the text needs to repeat neither.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2';
import * as connections from '../../main/adapters/libp2p/connection-limits.ts';
import * as hints from '../../main/adapters/libp2p/hint-checks.ts';
import { HTTP_PROTOCOL } from '../../main/adapters/libp2p/http-streams.ts';
import { MESSAGE_BYTES_MAX } from '../../main/adapters/libp2p/key.ts';
import { SERVICE_TAG } from '../../main/adapters/libp2p/network.ts';
import { HTTP_STREAMS_PER_CONNECTION_MAX, STREAM_WINDOW_BYTES_MAX } from '../../main/adapters/libp2p/node.ts';
import { RECORD_VALID_MS } from '../../main/adapters/libp2p/provider-records.ts';
import { ADDRESSES_PER_PEER_MAX } from '../../main/adapters/libp2p/public-addresses.ts';
import { RELAYS_WANTED } from '../../main/adapters/libp2p/relay-places.ts';
import { RELAY_LIMITS } from '../../main/adapters/libp2p/relay-service.ts';
import * as streams from '../../main/adapters/libp2p/served-streams.ts';
import { WITHDRAW_DELAY_SECONDS_MAX } from '../../main/adapters/x402/buying/provider-responses.ts';
import { PAYMENT_HEADER_BYTES_MAX, SCHEME } from '../../main/adapters/x402/wire.ts';
import { CLOCK_SKEW_MS_MAX } from '../../main/core/identity/bindings.ts';
import {
  LIFETIME_MS,
  LIFETIME_MS_MAX,
  LIVE_OFFER_CLOCK_ERROR_MS_MAX,
} from '../../main/core/identity/offers.ts';
import { ANNOUNCE_AT_MS, ANNOUNCE_EVERY_MS } from '../../main/core/network/announcing.ts';
import { HINT_EVERY_MS_MIN } from '../../main/core/network/offer-changes.ts';
import { BODY_BYTES_MAX } from '../../main/core/openai-http/body.ts';
import { PROVIDER_LIMITS } from '../../main/core/provider/index.ts';
import { HEADERS_AFTER_MS, QUIET_MS_MAX } from '../../main/core/provider/work.ts';
import { EVENT_CHARACTERS_MAX } from '../../main/core/sse/events.ts';
import { ERC3009_COLLECTOR_ADDRESS, SETTLEMENT_ADDRESS } from '../../main/ports/contracts.ts';
import { JSON_DEPTH_MAX } from '../../shared/json.ts';
import { TEMPLATE_TOKENS_PER_MESSAGE_MAX } from '../../shared/price.ts';
import * as wire from '../../shared/wire.ts';
import { REPOSITORY } from './places.ts';

export const PROTOCOL_DOCUMENT = join(REPOSITORY, 'docs', 'protocol.md');
export const VECTORS = join(REPOSITORY, 'docs', 'protocol-vectors.json');

type Row = readonly [subject: string, value: string | number];

const NAMES: readonly Row[] = [
  ['HTTP over a stream', HTTP_PROTOCOL],
  ['DHT of the market', wire.DHT_PROTOCOL],
  ['text whose SHA-256 every provider provides', wire.MARKET_NAME],
  ['topic of changed offers', `${wire.OFFER_TOPIC_PREFIX}{shard}`],
  ['public DHT', wire.PUBLIC_DHT_PROTOCOL],
  ['text whose SHA-256 is the key there', wire.RENDEZVOUS_NAME],
  ['mDNS service', SERVICE_TAG],
  ['relay: places, and connections through it', RELAY_V2_HOP_CODEC],
  ['relay: connections that arrive', RELAY_V2_STOP_CODEC],
  ['offer', `GET ${wire.OFFER_PATH}`],
  ['models', `GET ${wire.MODELS_PATH}`],
  ['channel: requirements, deposit, refund', `POST ${wire.CHANNEL_PATH}`],
  ['chat', `POST ${wire.CHAT_PATH}`],
  ['text', `POST ${wire.TEXT_PATH}`],
  ['embeddings', `POST ${wire.EMBEDDINGS_PATH}`],
  ['answer of a line of a batch', `GET ${wire.KEPT_ANSWERS_PATH}/{job}`],
  ['alarm of a check', `POST ${wire.CHECK_REPORTS_PATH}/{job}`],
  ['channels on which it was paid', `GET ${wire.REFERENCES_PATH}`],
  ['verdicts on checked providers', `GET ${wire.AUDITS_PATH}`],
  ['terms of a relay that charges', `GET ${wire.RELAY_TERMS_PATH}`],
  ['allowance at such a relay', `GET or POST ${wire.RELAY_ALLOWANCE_PATH}`],
  ['scheme of x402', SCHEME],
  ['contract of channels', SETTLEMENT_ADDRESS],
  ['collector of deposits by ERC-3009', ERC3009_COLLECTOR_ADDRESS],
  ['header: payment', wire.PAYMENT_HEADER],
  ['header: requirements of a 402', wire.PAYMENT_REQUIRED_HEADER],
  ['header: what was charged', wire.PAYMENT_RESPONSE_HEADER],
  ['header: receipt', wire.RECEIPT_HEADER],
  ['event: receipt', wire.RECEIPT_EVENT],
  ['event: what was charged', wire.PAYMENT_RESPONSE_EVENT],
  ['header: ID of a line of a batch', wire.BATCH_JOB_HEADER],
  ['header: key of its answer', wire.BATCH_KEY_HEADER],
  ['header: IDs of answers that the buyer has', wire.BATCH_TAKEN_HEADER],
  ['header: parameters without effect', wire.IGNORED_HEADER],
];

const seconds = (ms: number) => `${(ms / 1_000).toLocaleString('en-US')} s`;
const bytes = (count: number) => `${count.toLocaleString('en-US')} bytes`;

const LIMITS: readonly Row[] = [
  ['a provider record is stored for', seconds(RECORD_VALID_MS)],
  ['a provider stores it after its start, and again', ANNOUNCE_AT_MS.map(seconds).join(', ')],
  ['and then every', seconds(ANNOUNCE_EVERY_MS)],
  ['a hint', bytes(hints.HINT_BYTES_MAX)],
  ['the time in a hint may differ by', seconds(hints.HINT_CLOCK_MS_MAX)],
  [
    `hints of one peer in a topic that are passed on in ${seconds(hints.HINT_WINDOW_MS)}`,
    hints.HINTS_PER_ORIGIN_MAX,
  ],
  ['and of all peers', hints.HINTS_PER_TOPIC_MAX],
  ['a provider sends a hint at most every', seconds(HINT_EVERY_MS_MIN)],
  ['addresses of one record that are dialed', ADDRESSES_PER_PEER_MAX],
  ['relays at which a machine has a place', RELAYS_WANTED],
  ['a place at Idlewatt’s relays lasts, unless renewed', seconds(RELAY_LIMITS.placeMs)],
  ['bytes that such a relay forwards for one peer per hour', bytes(RELAY_LIMITS.bytesPerPeerAndHour)],
  ['inbound connections of one peer', connections.CONNECTIONS_PER_PEER_MAX],
  ['inbound connections of one IP address', connections.CONNECTIONS_PER_ADDRESS_MAX],
  ['inbound connections of one subnet', connections.CONNECTIONS_PER_SUBNET_MAX],
  ['HTTP streams of one connection', HTTP_STREAMS_PER_CONNECTION_MAX],
  ['HTTP streams of one peer', streams.STREAMS_PER_PEER_MAX],
  ['HTTP streams of all peers', streams.STREAMS_MAX],
  ['window of one stream', bytes(STREAM_WINDOW_BYTES_MAX)],
  ['from the opening of a stream to the end of the headers', seconds(streams.HEADERS_MS_MAX)],
  ['from there to the end of the body', seconds(streams.BODY_MS_MAX)],
  ['between two requests on one stream', seconds(streams.IDLE_MS_MAX)],
  ['from the end of the response to the end of the buyer’s side', seconds(streams.END_MS_MAX)],
  ['a body', bytes(BODY_BYTES_MAX)],
  ['a body without a payment', bytes(PROVIDER_LIMITS.unpaidBodyBytesMax)],
  ['levels of arrays and objects in JSON', JSON_DEPTH_MAX],
  ['a JWS', `${MESSAGE_BYTES_MAX.toLocaleString('en-US')} characters`],
  ['a payment header', `${PAYMENT_HEADER_BYTES_MAX.toLocaleString('en-US')} characters`],
  ['an event of a stream', `${EVENT_CHARACTERS_MAX.toLocaleString('en-US')} characters`],
  ['an offer of Idlewatt is valid for', seconds(LIFETIME_MS)],
  ['an offer is valid for at most', seconds(LIFETIME_MS_MAX)],
  ['an offer may be issued in the future by', seconds(CLOCK_SKEW_MS_MAX)],
  [
    'difference of clocks that is tolerated if the offer has just come from its peer',
    seconds(LIVE_OFFER_CLOCK_ERROR_MS_MAX),
  ],
  [
    'the longest withdrawal delay that a buyer accepts',
    `${WITHDRAW_DELAY_SECONDS_MAX.toLocaleString('en-US')} s`,
  ],
  ['tokens that a chat template adds to a message, at most', TEMPLATE_TOKENS_PER_MESSAGE_MAX],
  ['output tokens of one request', PROVIDER_LIMITS.answerTokensMax],
  ['text of a prompt', bytes(PROVIDER_LIMITS.promptBytesMax)],
  ['requests of one peer at the same time', PROVIDER_LIMITS.perPeerMax],
  [`free requests of one peer in ${seconds(PROVIDER_LIMITS.freeWindowMs)}`, PROVIDER_LIMITS.freePerPeerMax],
  ['deposits and refunds of one peer in an hour', PROVIDER_LIMITS.chainWorkPerPeerMax],
  ['a streamed answer that hasn’t begun gets its headers after', seconds(HEADERS_AFTER_MS)],
  ['a comment is sent in a silent stream after', seconds(QUIET_MS_MAX)],
  ['a buyer that reads nothing has left after', seconds(PROVIDER_LIMITS.stallMs)],
];

function table(heads: readonly [string, string], rows: readonly Row[], isCode: boolean): string {
  const cells = rows.map(([subject, value]) => {
    const text = typeof value === 'number' ? value.toLocaleString('en-US') : value;
    return `| ${subject} | ${isCode ? `\`${text}\`` : text} |`;
  });
  return [`| ${heads.join(' | ')} |`, '| --- | --- |', ...cells].join('\n');
}

const TABLES: Readonly<Record<string, string>> = {
  names: table(['what', 'name'], NAMES, true),
  limits: table(['what', 'limit'], LIMITS, false),
};

/** Returns the document with the tables that the code makes now. */
export function protocolDocument(): string {
  let text = readFileSync(PROTOCOL_DOCUMENT, 'utf8');
  for (const [name, made] of Object.entries(TABLES)) {
    const [start, end] = [`<!-- ${name}: made from the code -->\n`, `\n<!-- end of ${name} -->`];
    const from = text.indexOf(start) + start.length;
    const to = text.indexOf(end);
    if (from < start.length || to < from) throw new Error(`docs/protocol.md has no place for ${name}`);
    text = text.slice(0, from) + made + text.slice(to);
  }
  return text;
}
