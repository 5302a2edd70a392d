/** Stores the standing of each provider, and what its last checked answers showed. */
import { z } from 'zod';
import { type AnswerCheck, answerCheckSchema } from '../../../shared/answer-check.ts';
import type { RecordStore } from '../../ports/store.ts';
import { dropOldest } from './drop-oldest.ts';
import type { AnswerEvidence } from './evidence.ts';
import { readRecord } from './read-record.ts';
import { NEW_STANDING, type Standing } from './standing.ts';

/** One checked answer. It has no content: the job has the signed receipt. */
export type CheckedAnswer = AnswerCheck & Pick<AnswerEvidence, 'logEvidence'> & { readonly jobId: string };

export interface Standings {
  of(peer: string): Standing;
  /** The last checked answers of a provider, oldest first. */
  checked(peer: string): readonly CheckedAnswer[];
  add(peer: string, standing: Standing, answer: CheckedAnswer): void;
  /** Forgets the standing; the checked answers stay. */
  reset(peer: string): void;
}

/** Answers that were repeated here, and answers that were compared with those of others: evidence of its own each. */
export type CheckKind = 'answer-checks' | 'second-opinions';
const ANSWERS_KEPT_MAX = 20;
/** Providers of which something is stored; the one whose last check is oldest goes first. */
const PROVIDERS_MAX = 500;

const count = z.number().int().nonnegative();
const evidence = { tokens: count, differing: count, gapMean: z.number(), logEvidence: z.number() };
const recordSchema = z.object({
  standing: z.object({ ...evidence, answers: count }),
  checked: z.array(answerCheckSchema.extend({ logEvidence: z.number(), jobId: z.string() })),
});
type Stored = z.infer<typeof recordSchema>;

export function createStandings(records: RecordStore, collection: CheckKind = 'answer-checks'): Standings {
  const parse = (text: string | null): Stored =>
    readRecord(text, recordSchema) ?? { standing: NEW_STANDING, checked: [] };
  const read = (peer: string) => parse(records.get(collection, peer));
  const write = (peer: string, stored: Stored) => records.set(collection, peer, JSON.stringify(stored));

  return {
    of: (peer) => read(peer).standing,
    checked: (peer) => read(peer).checked,
    add(peer, standing, answer) {
      write(peer, { standing, checked: [...read(peer).checked, answer].slice(-ANSWERS_KEPT_MAX) });
      dropOldest(records, collection, PROVIDERS_MAX, (value) => parse(value).checked.at(-1)?.atMs ?? 0);
    },
    reset: (peer) => write(peer, { ...read(peer), standing: NEW_STANDING }),
  };
}
