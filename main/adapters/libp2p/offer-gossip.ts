/** Spreads hints about changed offers by gossip: small signed messages in a few topics, checked before they are passed on. */
import {
  type GossipSub,
  type GossipSubComponents,
  gossipsub,
  type Message,
  TopicValidatorResult,
} from '@libp2p/gossipsub';
import { OFFER_SHARDS } from '../../../shared/offer-shards.ts';
import { OFFER_TOPIC_PREFIX } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { OfferHints } from '../../ports/network.ts';
import { HINT_CLOCK_MS_MAX, HintChecks, type Verdict, writeHint } from './hint-checks.ts';

/** Bytes of one message of the gossip protocol, which may carry many hints and lists of their IDs. */
const RPC_BYTES_MAX = 64 * 1024;
const RPC_PARTS_MAX = 500;
const SUBSCRIPTIONS_MAX = 2 * OFFER_SHARDS.size;
/** One stream at a time, and those that overlap while a peer reconnects. */
const STREAMS_PER_CONNECTION_MAX = 4;
/** The library estimates this much for a topic that a peer subscribes to. */
const TOPIC_BYTES = 1_100;
/** Three rejected hints within a minute make this machine ignore the gossip of the peer that sent them for a while. */
const REJECTED = { weight: -10, decay: 0.99 };

const VERDICTS: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

/** The service of a node. Each message is signed by its origin, and one with a forged signature is rejected. */
export function offerGossip(): (components: GossipSubComponents) => GossipSub {
  const topics = [...OFFER_SHARDS].map(topicOf);
  const ofTopic = {
    ...{ topicWeight: 1, timeInMeshWeight: 0, firstMessageDeliveriesWeight: 0 },
    // Offers change rarely: a silent peer is no bad one.
    ...{ meshMessageDeliveriesWeight: 0, meshFailurePenaltyWeight: 0 },
    invalidMessageDeliveriesWeight: REJECTED.weight,
    invalidMessageDeliveriesDecay: REJECTED.decay,
  };
  return gossipsub({
    allowedTopics: topics,
    allowPublishToZeroTopicPeers: true,
    fallbackToFloodsub: false,
    seenTTL: 2 * HINT_CLOCK_MS_MAX,
    maxInboundDataLength: RPC_BYTES_MAX,
    maxInboundStreams: STREAMS_PER_CONNECTION_MAX,
    maxTopicBytesPerPeer: SUBSCRIPTIONS_MAX * TOPIC_BYTES,
    decodeRpcLimits: {
      maxSubscriptions: SUBSCRIPTIONS_MAX,
      maxMessages: RPC_PARTS_MAX,
      maxIhaveMessageIDs: RPC_PARTS_MAX,
      maxIwantMessageIDs: RPC_PARTS_MAX,
      maxIdontwantMessageIDs: RPC_PARTS_MAX,
      maxControlMessages: RPC_PARTS_MAX,
      maxPeerInfos: 0,
    },
    scoreParams: {
      // An office, a carrier's network and everything behind one relay have one address for many peers.
      IPColocationFactorWeight: 0,
      topics: Object.fromEntries(topics.map((topic) => [topic, ofTopic])) as never,
    },
  });
}

/** Implements the port on a node that has the service. */
export class GossipedHints implements OfferHints {
  readonly #gossip: GossipSub;
  readonly #clock: Clock;
  readonly #listeners = new Set<(peer: string) => void>();
  #lastAtMs = 0;

  constructor(gossip: GossipSub, clock: Clock) {
    this.#gossip = gossip;
    this.#clock = clock;
    const checks = new HintChecks(clock);
    for (const shard of OFFER_SHARDS) {
      gossip.topicValidators.set(topicOf(shard), (_source, message) => VERDICTS[judge(checks, message)]);
    }
    gossip.addEventListener('message', ({ detail }) => {
      const origin = originOf(detail);
      if (origin !== null) for (const listener of this.#listeners) listener(origin);
    });
  }

  async publish(shards: ReadonlySet<string>): Promise<void> {
    const nowMs = this.#clock.now();
    const nextMs = Math.max(nowMs, this.#lastAtMs + 1);
    // Others take a hint with an earlier time for a repeated one, and drop one of the future: a clock was set back.
    this.#lastAtMs = nextMs - nowMs < HINT_CLOCK_MS_MAX ? nextMs : nowMs;
    const hint = writeHint(this.#lastAtMs);
    await Promise.allSettled([...shards].map((shard) => this.#gossip.publish(topicOf(shard), hint)));
  }

  listen(shards: ReadonlySet<string>): void {
    const wanted = new Set([...shards].map(topicOf));
    const listening = this.#gossip.getTopics();
    for (const topic of listening) if (!wanted.has(topic)) this.#gossip.unsubscribe(topic);
    for (const topic of wanted) if (!listening.includes(topic)) this.#gossip.subscribe(topic);
  }

  onHint(listener: (peer: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function topicOf(shard: string): string {
  return `${OFFER_TOPIC_PREFIX}${shard}`;
}

/** Null unless it is signed, by the kind of key that peers of the market have. */
function originOf(message: Message): string | null {
  return message.type === 'signed' && message.from.type === 'Ed25519' ? message.from.toString() : null;
}

function judge(checks: HintChecks, message: Message): Verdict {
  const origin = originOf(message);
  if (origin === null) return 'reject';
  return checks.judge({ origin, topic: message.topic, data: message.data });
}
