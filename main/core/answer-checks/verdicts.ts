/**
 * Signs what this buyer's checks of a provider have shown so far, for other buyers, and stores it: one verdict for each
 * provider, the newest.
 */

import { z } from 'zod';
import { type AuditVerdict, auditVerdictSchema, VERDICTS_MAX } from '../../../shared/audit-verdict.ts';
import type { Log } from '../../ports/log.ts';
import type { PeerKey } from '../../ports/network.ts';
import type { RecordStore } from '../../ports/store.ts';
import { dropOldest } from './drop-oldest.ts';

export interface Verdicts {
  /** Signs and stores a verdict, if it has enough tokens to say anything. */
  note(verdict: Omit<AuditVerdict, 'auditor'>): Promise<void>;
  /** The signed verdicts, the newest first. */
  list(): readonly string[];
}

const COLLECTION = 'audit-verdicts';
/** Fewer tokens say nothing of an honest provider; a gross cheat is found within them. */
const TOKENS_MIN = 100;
/** A provider that failed isn't cleared by the next answers. */
const FAILED_MS = 30 * 86_400_000;

const storedSchema = z.object({ verdict: auditVerdictSchema, jws: z.string() });

export function createVerdicts({
  records,
  key,
  log,
}: {
  readonly records: RecordStore;
  readonly key: Pick<PeerKey, 'peer' | 'sign'>;
  readonly log: Log;
}): Verdicts {
  const read = (value: string) => storedSchema.parse(JSON.parse(value));
  return {
    async note(found) {
      if (found.hasPassed && found.tokens < TOKENS_MIN) return;
      const value = records.get(COLLECTION, found.provider);
      const before = value === null ? null : read(value).verdict;
      if (found.hasPassed && before?.hasPassed === false && found.atMs - before.atMs < FAILED_MS) return;
      const verdict = auditVerdictSchema.safeParse({ ...found, auditor: key.peer });
      // The ID of a provider that another implementation made may have another form.
      if (!verdict.success) return;
      const jws = await key.sign(verdict.data);
      records.set(COLLECTION, found.provider, JSON.stringify({ verdict: verdict.data, jws }));
      dropOldest(records, COLLECTION, VERDICTS_MAX, (stored) => read(stored).verdict.atMs);
      log.debug('A verdict on a provider was signed', { provider: found.provider, passed: found.hasPassed });
    },
    list: () =>
      records
        .list(COLLECTION)
        .map(({ value }) => read(value))
        .sort((left, right) => right.verdict.atMs - left.verdict.atMs)
        .map(({ jws }) => jws),
  };
}
