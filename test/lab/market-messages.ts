/** The messages between a test and the machines of its lab, and what those machines sell. */
import type { OfferTerms } from '../../main/core/identity/index.ts';
import type { Reach } from '../../main/ports/network.ts';

export type ToPeer =
  /** Looks for providers in the market. */
  | { readonly type: 'find' }
  /** Asks a provider for an answer of so many events. */
  | { readonly type: 'buy'; readonly peer: string; readonly events: number };

export type FromPeer =
  | { readonly type: 'up'; readonly peer: string; readonly addresses: readonly string[] }
  /** The way in which strangers reach the machine has changed. */
  | { readonly type: 'reach'; readonly reach: Reach }
  /** So many peers stored what the machine provides. */
  | { readonly type: 'announced'; readonly taken: number }
  | { readonly type: 'found'; readonly peers: readonly string[]; readonly tookMs: number }
  | { readonly type: 'progress'; readonly events: number }
  | {
      readonly type: 'bought';
      /** The numbers of the events, in the order in which they came. */
      readonly seen: readonly number[];
      readonly interruptions: number;
      /** Public addresses over which the provider was reached. */
      readonly ways: readonly string[];
    };

export const LAB_MODEL = 'lab-model';
/** Between two events of an answer. */
export const EVENT_MS = 20;

export const LAB_TERMS: OfferTerms = {
  payout: `0x${'1'.repeat(40)}`,
  networks: ['eip155:31337'],
  asset: { id: 'eip155:31337/0x1', symbol: 'USDC', decimals: 6, practice: true },
  models: [
    {
      id: LAB_MODEL,
      sha256: 'a'.repeat(64),
      quantisation: 'F32',
      contextTokens: 2_048,
      price: { inputPerMillion: '1', outputPerMillion: '1' },
      prefillTokensPerSecond: null,
      decodeTokensPerSecond: null,
    },
  ],
  slots: 1,
};
