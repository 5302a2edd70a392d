/** The messages between a test and the machines of its lab, and what those machines sell. */
import type { OfferTerms } from '../../main/core/identity/index.ts';
import type { AddressTest, Reach } from '../../main/ports/network.ts';

/** The program's one parameter, in JSON. */
export interface LabPeer {
  /** A crowd is several providers in one process, all behind the same address. */
  readonly role: 'bootstrap' | 'relay' | 'provider' | 'buyer' | 'crowd';
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[];
  /** Multiaddrs at which a public node is reached. */
  readonly announce: readonly string[];
  readonly bootstrap: readonly string[];
  /** Time after which a place at this relay ends unless it is renewed. */
  readonly placeMs?: number;
  /** Of the connections; default: as in an agent. */
  readonly pingIntervalMs?: number;
  /** See `forwardedPort` in shared/settings.ts. */
  readonly forwardedPort?: number;
  /** Members of a crowd. */
  readonly count?: number;
}

export type ToPeer =
  /** Looks for this many providers in the market. */
  | { readonly type: 'find'; readonly count: number }
  /** Looks for this provider in the market. */
  | { readonly type: 'seek'; readonly peer: string }
  /** Has the router open a port, or close it again. */
  | { readonly type: 'open-port'; readonly isAllowed: boolean }
  /** Asks a provider for an answer of so many events, one each `everyMs`. The test numbers its purchases. */
  | {
      readonly type: 'buy';
      readonly id: number;
      readonly peer: string;
      /** To dial before each request, for a peer that wasn't found. */
      readonly address?: string;
      readonly events: number;
      readonly everyMs?: number;
      /** Default: {@link SILENCE_MS_MAX} more than the time between two events. */
      readonly silenceMsMax?: number;
    };

export type FromPeer =
  | { readonly type: 'up'; readonly peer: string; readonly addresses: readonly string[] }
  /** The way in which strangers reach the machine has changed. */
  | {
      readonly type: 'reach';
      readonly peer: string;
      readonly reach: Reach;
      /** As the Network page shows them. */
      readonly tested: readonly AddressTest[];
    }
  /** So many peers stored what the machine provides. */
  | { readonly type: 'announced'; readonly peer: string; readonly taken: number }
  /** The public address over which a buyer reaches a peer has changed. */
  | { readonly type: 'way'; readonly peer: string; readonly way: string }
  | { readonly type: 'found'; readonly peers: readonly string[]; readonly tookMs: number }
  | { readonly type: 'progress'; readonly id: number; readonly events: number }
  | {
      readonly type: 'bought';
      readonly id: number;
      /** The numbers of the events, in the order in which they came. */
      readonly seen: readonly number[];
      readonly interruptions: number;
      /** From the first request; null if none came. */
      readonly firstEventMs: number | null;
      /** Longest time between two events. */
      readonly longestGapMs: number;
      /** Public addresses over which the provider was reached. */
      readonly ways: readonly string[];
    };

export const LAB_MODEL = 'lab-model';
/** Between two events of an answer, unless the purchase names another time. */
export const EVENT_MS = 20;

/** A buyer asks again after a longer silence, as the gateway does: before the first event and after it. */
export const FIRST_EVENT_MS_MAX = 5_000;
export const SILENCE_MS_MAX = 1_500;

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
