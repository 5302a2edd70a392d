/** Rules of one ledger entry: balance, identity and reversal, as pure functions. */
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import type { Account, LedgerLine, Posting } from '../../ports/ledger.ts';
import { ACCOUNTS } from './accounts.ts';

/** Request to record an entry; omitted fields do not apply. */
export type PostingRequest = Pick<Posting, 'key' | 'atMs' | 'kind' | 'description'> &
  Partial<Pick<Posting, 'jobId' | 'model' | 'peer' | 'txHash' | 'reverses'>> & {
    readonly lines: readonly (Omit<LedgerLine, 'channelId'> & Partial<Pick<LedgerLine, 'channelId'>>)[];
  };

/** Completes an entry; an assertion failure when it does not balance. */
export function toPosting(request: PostingRequest): Posting {
  const lines = request.lines.map((line) => ({ ...line, channelId: line.channelId ?? null }));
  assert(request.key.length > 0, 'an entry has a key');
  assert(Number.isSafeInteger(request.atMs) && request.atMs >= 0, 'an entry has a time');
  assert(lines.length >= 2, `an entry has two lines or more: ${request.key}`);
  for (const line of lines) {
    assert(line.amount !== 0n, `no line is zero: ${request.key}`);
    assert(Object.hasOwn(ACCOUNTS, line.account), `the account exists: ${line.account}`);
    assert(line.assetId.length > 0, `a line has an asset: ${request.key}`);
  }
  for (const [assetId, sum] of sumsByAsset(lines)) {
    assert(sum === 0n, `the lines of ${request.key} sum to zero, not ${sum}, in ${assetId}`);
  }
  return {
    key: request.key,
    atMs: request.atMs,
    kind: request.kind,
    description: request.description,
    jobId: request.jobId ?? null,
    model: request.model ?? null,
    peer: request.peer ?? null,
    txHash: request.txHash ?? null,
    reverses: request.reverses ?? null,
    lines,
  };
}

/** Sum of the lines of each asset. */
export function sumsByAsset(lines: readonly Pick<LedgerLine, 'assetId' | 'amount'>[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { assetId, amount: value } of lines) sums.set(assetId, (sums.get(assetId) ?? 0n) + value);
  return sums;
}

/**
 * Returns whether two entries agree on the money and its origin. Time and description do not count: an event that
 * is reported again after a restart is reported at another time.
 */
export function isSameEvent(left: Posting, right: Posting): boolean {
  const content = ({ kind, jobId, model, peer, txHash, reverses, lines }: Posting) =>
    JSON.stringify([
      kind,
      jobId,
      model,
      peer,
      txHash,
      reverses,
      lines.map((line) => [line.account, line.assetId, line.amount.toString(), line.channelId]),
    ]);
  return left.key === right.key && content(left) === content(right);
}

/** Returns the opposite of an entry. It keeps the original's job, model and peer, so that sums by these cancel. */
export function reversalOf(posting: Posting, atMs: number, reason: string): Posting {
  return {
    ...posting,
    key: `reversal:${posting.key}`,
    atMs,
    kind: 'reversal',
    description: reason,
    reverses: posting.key,
    lines: posting.lines.map((line) => ({ ...line, amount: amount(-line.amount) })),
  };
}

/**
 * Rejects entries, in their order, that would leave an account below zero where the table of accounts rules that
 * out. Fails with `database-corrupt`: an earlier event is missing.
 */
export function refuseNegative(
  postings: readonly Posting[],
  balanceOf: (account: Account, assetId: string) => bigint,
): void {
  const balances = new Map<string, bigint>();
  for (const { key: name, lines } of postings) {
    const lowered: { key: string; line: LedgerLine }[] = [];
    for (const line of lines) {
      const { grows, mayBeNegative } = ACCOUNTS[line.account];
      if (mayBeNegative !== null) continue;
      const sign = grows === 'debit' ? 1n : -1n;
      const key = `${line.account} ${line.assetId}`;
      const before = balances.get(key) ?? sign * balanceOf(line.account, line.assetId);
      balances.set(key, before + sign * line.amount);
      if (sign * line.amount < 0n) lowered.push({ key, line });
    }
    for (const { key, line } of lowered) {
      const after = balances.get(key) ?? 0n;
      if (after >= 0n) continue;
      throw new AppError(
        'database-corrupt',
        `Entry rejected: it would leave ${line.account} at ${after}, so an earlier event is missing. ` +
          'Nothing was changed. Run `ledger verify` to list what is missing.',
        { details: { posting: name, account: line.account, assetId: line.assetId } },
      );
    }
  }
}
