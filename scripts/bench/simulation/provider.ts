/** Simulated providers: what they offer, how they behave, and the streamed answers that they send. */
import { createHash } from 'node:crypto';
import type { Provider } from '../../../main/core/network/index.ts';
import { type AppliedSampling, TOP_K_DEFAULT } from '../../../shared/applied-sampling.ts';
import {
  type OfferedModel,
  PAYMENT_RESPONSE_EVENT,
  RECEIPT_EVENT,
  tokenBytes,
} from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { Random, SimulatedClock } from './clock.ts';

export type Kind =
  /** Delivers what it offers. */
  | 'honest'
  /** Honest, but each of its answers breaks off: half of them with the connection, half by silence. */
  | 'dying'
  /** Announces three times its speed at a lower price, and every fourth bill is false. */
  | 'lying'
  /** Answers with a smaller model at the lowest honest price; praises others like it, and accuses honest ones. */
  | 'coarse'
  /** One of a ring: the lowest price and the highest speed, and silence after the first tokens. */
  | 'ring';

export interface SimulatedProvider extends Provider {
  readonly kind: Kind;
  readonly model: OfferedModel;
  readonly tokensPerSecond: number;
  /** To any buyer; through a relay for the part behind NAT. */
  readonly roundTripMs: number;
  /** Half of the market that a split separates from the other one. */
  readonly side: 0 | 1;
  isOnline: boolean;
  running: number;
  answers: number;
  /** Base units charged on all channels. */
  earned: bigint;
  bytes: number;
  /** Signed verdicts on others that it shows. */
  verdicts: () => readonly string[];
}

export const MODEL = 'simulated-model';
export const SHA256 = 'a'.repeat(64);
/** As in every receipt, but for the seed. */
export const SAMPLING = {
  ...{ method: 'gumbel-max', seed: 0, temperature: 1, topP: 1, topK: TOP_K_DEFAULT, minP: 0 },
  promptHash: 'b'.repeat(64),
} as const satisfies AppliedSampling;
/** IDs from this one on are tokens that only another model draws. */
const OTHER_MODEL_FROM = 1_000_000;
export const isOfOtherModel = (token: number) => token >= OTHER_MODEL_FROM;
/** Part of the tokens that one step coarser weights draw otherwise, as measured: docs/audit.md has 29.9%. */
const OTHER_SHARE = 0.3;
const ASSET = { id: 'eip155:31337/0xsimulated', symbol: 'SIM', decimals: 6, practice: true };
/** Base units per million tokens; honest prices differ by a tenth. */
const INPUT_PRICE = 1_000_000;
const PRICE_SPREAD = 0.1;
/**
 * Part of the peers behind NAT: 91 % in the live IPFS network (ProbeLab, libp2p/rust-libp2p discussion 6584). All of them
 * are reached through a relay here, since this stack punches no holes.
 */
const NAT_SHARE = 0.91;
const PREFILL_PER_SECOND = 800;
const SLOTS = 2;
/** Part of a lower price with which liars and rings lure buyers. */
const LURE = 0.9;

export function createProvider(index: number, kind: Kind, random: Random): SimulatedProvider {
  const factor = priceFactor(kind, random);
  const input = Math.round(INPUT_PRICE * factor);
  const tokensPerSecond = Math.min(200, Math.max(4, random.lognormal(20, 0.6)));
  const announced = kind === 'ring' ? 500 : tokensPerSecond * (kind === 'lying' ? 3 : 1);
  const model: OfferedModel = {
    ...{ id: MODEL, sha256: SHA256, quantisation: 'Q4_K_M', contextTokens: 8_192 },
    price: { inputPerMillion: String(input), outputPerMillion: String(input * 4) },
    prefillTokensPerSecond: PREFILL_PER_SECOND,
    decodeTokensPerSecond: announced,
  };
  const peer = peerAt(index);
  const isBehindNat = random.chance(NAT_SHARE);
  return {
    ...{ peer, kind, model, tokensPerSecond },
    offer: {
      ...{ peer, payout: `0x${'1'.repeat(40)}`, binding: null, networks: ['eip155:31337'], asset: ASSET },
      ...{ models: [model], slots: SLOTS, issuedAtMs: 0, expiresAtMs: Number.MAX_SAFE_INTEGER },
    },
    roundTripMs: random.between(20, 150) + (isBehindNat ? random.between(20, 150) : 0),
    side: random.chance(0.5) ? 0 : 1,
    ...{ isOnline: true, running: 0, answers: 0, earned: 0n, bytes: 0, verdicts: () => [] },
  };
}

/** The part of the mean price that a provider asks. */
function priceFactor(kind: Kind, random: Random): number {
  const least = 1 - PRICE_SPREAD;
  // Less would make the market look cheaper than its honest part is.
  if (kind === 'coarse') return least;
  if (kind === 'lying' || kind === 'ring') return LURE * least;
  return 1 + random.between(-PRICE_SPREAD, PRICE_SPREAD);
}

/** An ID in the form of a peer ID, which has no digit 0. */
function peerAt(index: number): string {
  return `12D3KooW${String(index).replaceAll('0', 'A').padStart(44, 'Z')}`;
}

/** Tokens of a text; each is a word of this many bytes. */
const WORD_BYTES = 6;
export const wordAt = (index: number) => `w${String(index % 10_000).padStart(4, '0')} `;
/** Separates the prompt from an answer that has begun. */
export const ANSWER_MARK = '\n>';

/** Interval in which a provider sends what it has generated. */
const FLUSH_MS = 1_000;

export interface SoldAnswer {
  readonly provider: SimulatedProvider;
  readonly channelId: string;
  readonly prompt: string;
  readonly seed: number;
  readonly tokensMax: number;
  /** Tokens of the whole answer, of which earlier providers may have sent a part. */
  readonly tokensTotal: number;
  readonly clock: SimulatedClock;
  readonly random: Random;
  /** Adds a charge to the channel; returns its total. */
  readonly charge: (amount: bigint) => bigint;
  /** Sends text to the buyer. */
  readonly send: (text: string) => void;
  /** Ends the connection, cleanly or not. */
  readonly close: (isBroken: boolean) => void;
}

export interface Serving {
  /** Ends the work because the buyer has left; what was read and generated is charged. */
  leave(): void;
}

/** Serves one admitted request. */
export function serve(sold: SoldAnswer): Serving {
  const { provider, clock, random, prompt } = sold;
  const from = Math.floor(
    (prompt.length - prompt.lastIndexOf(ANSWER_MARK) - ANSWER_MARK.length) / WORD_BYTES,
  );
  const inputTokens = Math.ceil(prompt.length / 4);
  const count = Math.min(sold.tokensMax, sold.tokensTotal - from);
  const { breaksAt, isSilent } = failureOf(provider, count, random);
  provider.running += 1;
  provider.answers += 1;
  let sent = 0;
  let isOver = false;
  const placesFrom = (start: number, length: number) =>
    Array.from({ length }, (_, index) => from + start + index);
  const tokensAt = (places: readonly number[]) => places.map((place) => tokenAt(sold, place));
  const amountOf = () => charge(provider.model.price, { input: inputTokens, output: sent });

  function end(): void {
    isOver = true;
    provider.running -= 1;
  }

  function flush(): void {
    if (isOver) return;
    const due = Math.max(1, Math.floor((provider.tokensPerSecond * FLUSH_MS) / 1_000));
    const size = Math.min(due, (breaksAt ?? count) - sent);
    if (size > 0) {
      const places = placesFrom(sent, size);
      const text = places.map(wordAt).join('');
      sent += size;
      sold.send(chunk({ choices: [{ index: 0, text, token_ids: tokensAt(places), finish_reason: null }] }));
    }
    if (breaksAt !== null && sent >= breaksAt) breakOff();
    else if (sent < count) clock.after((size * 1_000) / provider.tokensPerSecond, flush);
    else complete();
  }

  function breakOff(): void {
    // A silent one holds its slot and the connection until the buyer leaves.
    if (isSilent) return;
    sold.charge(amountOf());
    end();
    sold.close(true);
  }

  function complete(): void {
    const isFalse = provider.kind === 'lying' && provider.answers % 4 === 0;
    const charged = amountOf() * (isFalse ? 2n : 1n);
    const cumulative = sold.charge(charged);
    end();
    const usage = { prompt_tokens: inputTokens, completion_tokens: sent, total_tokens: inputTokens + sent };
    const receipt = {
      ...{ job: 'job', peer: provider.peer, modelSha256: SHA256, inputTokens, outputTokens: sent },
      ...{ price: provider.model.price, assetId: ASSET.id, channelId: sold.channelId },
      ...{ charged: charged.toString(), cumulative: cumulative.toString(), finishReason: 'length' },
      ...{ tokenHash: tokenHashOf(tokensAt(placesFrom(0, sent))), atMs: clock.now() },
      sampling: { ...SAMPLING, seed: sold.seed },
    };
    const payment = JSON.stringify({ charged: charged.toString(), cumulative: cumulative.toString() });
    sold.send(
      chunk({ choices: [{ index: 0, text: '', finish_reason: 'length' }] }) +
        chunk({ choices: [], usage }) +
        'data: [DONE]\n\n' +
        `event: ${RECEIPT_EVENT}\ndata: ${JSON.stringify(receipt)}\n\n` +
        `event: ${PAYMENT_RESPONSE_EVENT}\ndata: ${payment}\n\n`,
    );
    sold.close(false);
  }

  clock.after((inputTokens * 1_000) / PREFILL_PER_SECOND + 1_000 / provider.tokensPerSecond, flush);
  return {
    leave() {
      if (isOver) return;
      sold.charge(amountOf());
      end();
    },
  };
}

/** The token of this place in the answer. Providers with the same other model draw the same ones. */
function tokenAt({ provider, seed }: SoldAnswer, place: number): number {
  if (provider.kind !== 'coarse') return place;
  const drawn = createHash('sha256').update(`${seed}/${place}`).digest().readUInt32LE() / 2 ** 32;
  return drawn < OTHER_SHARE ? place + OTHER_MODEL_FROM : place;
}

/** The token after which an answer breaks off; null if it doesn't. */
function failureOf({ kind }: SimulatedProvider, count: number, random: Random) {
  const isBreaking = kind === 'dying' || kind === 'ring';
  return {
    breaksAt: isBreaking ? Math.floor(random.between(1, count)) : null,
    isSilent: kind === 'ring' || (kind === 'dying' && random.chance(0.5)),
  };
}

function tokenHashOf(tokens: readonly number[]): string {
  return createHash('sha256').update(tokenBytes(tokens)).digest('hex');
}

function chunk(content: object): string {
  return `data: ${JSON.stringify({ id: 'job', created: 0, model: MODEL, ...content })}\n\n`;
}
