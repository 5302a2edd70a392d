/** The history of how the machine was given back: measured each time, kept, and shown to its owner. */
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
/** Years of returns, and still a small text. */
const KEPT_MAX = 1_000;
const KEY = 'all';

const keptSchema = z.array(handBackSchema.extend({ reason: storedPresenceReasonSchema }));

/**
 * Read once, since pages look at it with every token; kept oldest first. A text of another version's making is
 * left out rather than believed.
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
