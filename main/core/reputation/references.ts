/**
 * Asks providers for the channels on which they were paid, and credits one that this buyer doesn't know with the
 * claims on the chain. A provider that this buyer knows shows which payers speak for others; see `creditOf`.
 */
import { isAppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import { REFERENCES_PATH } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Network } from '../../ports/network.ts';
import { readText } from '../../ports/read-text.ts';
import type { PaidReference, ReadReferences } from '../../ports/references.ts';
import type { RecordStore } from '../../ports/store.ts';
import { within } from '../network/index.ts';
import { openReferenceRecords, type ReferenceRecords } from './reference-records.ts';
import { creditOf } from './settled-credit.ts';

/** A provider whose verified offer binds it to its payout address. */
export interface BoundProvider {
  readonly peer: string;
  readonly payout: string;
}

export interface References {
  /** Asks the provider when its turn comes, unless it was asked within a day. */
  consider(provider: BoundProvider): void;
  /** See `creditOf`, in base units; 0 for a provider without credit. */
  creditOf(peer: string): number;
  /** Ends the request in progress. */
  stop(): void;
}

export interface ReferencesParts {
  readonly fetch: Network['fetch'];
  readonly read: ReadReferences;
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly log: Log;
  /** True for a provider that has served this buyer well. */
  readonly isKnown: (peer: string) => boolean;
  /** True for a peer whose owner uses another key: its address may speak for that one. */
  readonly isRetired: (peer: string) => boolean;
}

/** Providers that wait for their turn; further ones are considered when their offers are read again. */
const WAITING_MAX = 200;
/** Each costs a request to the provider and one to the chain's node. */
const ASKED_PER_HOUR_MAX = 20;
const HOUR_MS = 3_600_000;
const CHECK_MS = 60_000;
const ASKED_AGAIN_MS = 86_400_000;
const FETCH_MS_MAX = 10_000;
const CHARACTERS_MAX = 64 * 1024;
/** Credits are added up again after this time, because payments age. */
const CREDITS_MS = 600_000;

export function createReferences(parts: ReferencesParts): References {
  const { clock, log, isKnown } = parts;
  const records = openReferenceRecords(parts.records);
  const turns = createTurns(parts, records);
  const stopping = new AbortController();
  let isAsking = false;
  let credits: { readonly atMs: number; readonly of: ReadonlyMap<string, number> } | null = null;

  async function askNext(): Promise<void> {
    if (isAsking || stopping.signal.aborted) return;
    const next = turns.next();
    if (next === null) return;
    isAsking = true;
    try {
      const found = await ask(parts, next, stopping.signal);
      records.add(next.payout, { peer: next.peer, askedAtMs: clock.now() }, found);
      credits = null;
    } catch (error) {
      const cause = isAppError(error) ? error.code : String(error);
      log.debug('The references of a provider could not be read', { peer: next.peer, cause });
    } finally {
      isAsking = false;
    }
    void askNext();
  }

  const timer = clock.every(CHECK_MS, () => void askNext());
  return {
    consider({ peer, payout }) {
      if (turns.add({ peer, payout: payout.toLowerCase() })) void askNext();
    },
    creditOf(peer) {
      const nowMs = clock.monotonic();
      if (credits === null || nowMs - credits.atMs >= CREDITS_MS) {
        credits = { atMs: nowMs, of: creditOf(records.payments(clock.now()), isKnown) };
      }
      return credits.of.get(peer) ?? 0;
    },
    stop() {
      timer.cancel();
      stopping.abort();
    },
  };
}

interface Turns {
  /** Returns false for a provider that isn't asked now. */
  add(provider: BoundProvider): boolean;
  /** Takes the next provider; null if none waits, or if enough were asked within the hour. */
  next(): BoundProvider | null;
}

function createTurns({ clock, isKnown, isRetired }: ReferencesParts, records: ReferenceRecords): Turns {
  /** By address. Both times are on the clock that never jumps. */
  const waiting = new Map<string, BoundProvider>();
  const triedAtMs = new Map<string, number>();

  function isDue({ peer, payout }: BoundProvider): boolean {
    if (triedAtMs.has(payout)) return false;
    const stored = records.find(payout);
    if (stored === null) return true;
    // The first peer with this address has its credit: a thousand peers of one owner don't multiply it.
    if (stored.peer !== peer && !isRetired(stored.peer)) return false;
    return Math.abs(clock.now() - stored.askedAtMs) >= ASKED_AGAIN_MS;
  }

  return {
    add(provider) {
      const { payout } = provider;
      if (waiting.has(payout) || !isDue(provider)) return false;
      if (waiting.size >= WAITING_MAX) {
        // Strangers without number must not keep out those that this buyer knows.
        const stranger = [...waiting.values()].find(({ peer }) => !isKnown(peer));
        if (stranger === undefined || !isKnown(provider.peer)) return false;
        waiting.delete(stranger.payout);
      }
      waiting.set(payout, provider);
      return true;
    },
    next() {
      const nowMs = clock.monotonic();
      for (const [payout, atMs] of triedAtMs) if (nowMs - atMs >= ASKED_AGAIN_MS) triedAtMs.delete(payout);
      const asked = [...triedAtMs.values()].filter((atMs) => nowMs - atMs < HOUR_MS);
      if (asked.length >= ASKED_PER_HOUR_MAX) return null;
      // Those that this buyer knows come first: without them nobody has credit.
      const all = [...waiting.values()];
      const next = all.find(({ peer }) => isKnown(peer)) ?? all[0] ?? null;
      if (next === null) return null;
      waiting.delete(next.payout);
      triedAtMs.set(next.payout, nowMs);
      return next;
    },
  };
}

async function ask(
  { fetch, read, clock }: ReferencesParts,
  { peer, payout }: BoundProvider,
  stopping: AbortSignal,
): Promise<readonly PaidReference[]> {
  const shown = await within(clock, FETCH_MS_MAX, stopping, async (signal) => {
    const response = await fetch(peer, REFERENCES_PATH, { signal });
    const { text, isComplete } = await readText(response, CHARACTERS_MAX);
    return response.status === 200 && isComplete ? parseJson(text) : [];
  });
  return read(payout, shown);
}
