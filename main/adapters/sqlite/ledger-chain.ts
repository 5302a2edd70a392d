/**
 * The chain over the postings: each hash covers the one before it and everything that the posting says, so
 * that whoever changes a row has to change every later one, too.
 */
import { hash } from 'node:crypto';
import type { Posting } from '../../ports/ledger.ts';

/** What the first posting is chained to. */
export const GENESIS = '0'.repeat(64);

/** sha256 in hex. The form is never changed: hashes in the owners' books depend on it. */
export function postingHash(previous: string, sequence: number, posting: Posting): string {
  const { key, atMs, kind, description, jobId, model, peer, txHash, reverses, lines } = posting;
  const form = JSON.stringify([
    'posting 1',
    previous,
    sequence,
    key,
    atMs,
    kind,
    description,
    jobId,
    model,
    peer,
    txHash,
    reverses,
    lines.map((line) => [line.account, line.assetId, line.amount.toString(), line.channelId]),
  ]);
  return hash('sha256', form);
}
