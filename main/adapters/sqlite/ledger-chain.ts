/**
 * Hash chain over the postings: each hash covers the previous hash and everything in the posting, so that changing one
 * row requires changing every later row.
 */
import { hash } from 'node:crypto';
import type { LedgerLine, Posting } from '../../ports/ledger.ts';

/** The previous hash of the first posting. */
export const GENESIS = '0'.repeat(64);

/** Returns the lines in their stored and hashed form: JSON of [account, asset, amount, channel], amounts as text. */
export function linesText(lines: readonly LedgerLine[]): string {
  return JSON.stringify(
    lines.map(({ account, assetId, amount, channelId }) => [account, assetId, amount.toString(), channelId]),
  );
}

/** Returns sha256 in hex. The hashed form must never change: hashes in the owners' ledgers depend on it. */
export function postingHash(
  previous: string,
  sequence: number,
  posting: Omit<Posting, 'lines'>,
  lines: string,
): string {
  const { key, atMs, kind, description, jobId, model, peer, txHash, reverses } = posting;
  const fields = JSON.stringify([
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
  ]);
  return hash('sha256', `${fields.slice(0, -1)},${lines}]`);
}
