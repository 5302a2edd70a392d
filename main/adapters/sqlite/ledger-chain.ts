/**
 * The chain over the postings: each hash covers the one before it and everything that the posting says, so
 * that whoever changes a row has to change every later one, too.
 */
import { hash } from 'node:crypto';
import type { LedgerLine, Posting } from '../../ports/ledger.ts';

/** What the first posting is chained to. */
export const GENESIS = '0'.repeat(64);

/** The lines as they are kept and hashed: JSON of [account, asset, amount, channel], amounts as text. */
export function linesText(lines: readonly LedgerLine[]): string {
  return JSON.stringify(
    lines.map(({ account, assetId, amount, channelId }) => [account, assetId, amount.toString(), channelId]),
  );
}

/** sha256 in hex. The form is never changed: hashes in the owners' books depend on it. */
export function postingHash(
  previous: string,
  sequence: number,
  posting: Omit<Posting, 'lines'>,
  lines: string,
): string {
  const { key, atMs, kind, description, jobId, model, peer, txHash, reverses } = posting;
  const said = JSON.stringify([
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
  return hash('sha256', `${said.slice(0, -1)},${lines}]`);
}
