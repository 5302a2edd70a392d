/** History of hand-backs: each one is measured, stored and shown to the owner. */
import { z } from 'zod';
import { type HandBack, handBackSchema } from '../../../shared/api/state.ts';
import { storedPresenceReasonSchema } from '../../../shared/presence.ts';
import type { RecordStore } from '../../ports/store.ts';

export interface HandBacks {
  add(handBack: HandBack): void;
  /** Newest first. */
  list(limit: number): HandBack[];
}

const COLLECTION = 'hand-backs';
/** Covers years of hand-backs and is still a small record. */
const KEPT_MAX = 1_000;
const KEY = 'all';

const keptSchema = z.array(handBackSchema.extend({ reason: storedPresenceReasonSchema }));

/**
 * Reads the stored history once, because pages request it with every token; stored oldest first. A record in
 * another version's format is ignored.
 */
export function createHandBacks(records: RecordStore): HandBacks {
  let kept = read(records.get(COLLECTION, KEY));
  return {
    add(handBack) {
      kept = [...kept, handBack].slice(-KEPT_MAX);
      records.set(COLLECTION, KEY, JSON.stringify(kept));
    },
    list: (limit) => kept.slice(-limit).reverse(),
  };
}

function read(text: string | null): HandBack[] {
  return text === null ? [] : keptSchema.catch([]).parse(JSON.parse(text));
}
