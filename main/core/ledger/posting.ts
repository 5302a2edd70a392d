/** What makes a posting: balance, sameness and reversal, as pure functions. */
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import type { Account, LedgerLine, Posting } from '../../ports/ledger.ts';
import { ACCOUNTS } from './accounts.ts';

/** A posting as it is asked for; what is left out does not apply. */
export type PostingRequest = Pick<Posting, 'key' | 'atMs' | 'kind' | 'description'> &
  Partial<Pick<Posting, 'jobId' | 'model' | 'peer' | 'txHash' | 'reverses'>> & {
    readonly lines: readonly (Omit<LedgerLine, 'channelId'> & Partial<Pick<LedgerLine, 'channelId'>>)[];
  };

/** The complete posting; an assertion failure when it does not balance. */
export function toPosting(request: PostingRequest): Posting {
  const lines = request.lines.map((line) => ({ ...line, channelId: line.channelId ?? null }));
  assert(request.key.length > 0, 'a posting has a key');
  assert(Number.isSafeInteger(request.atMs) && request.atMs >= 0, 'a posting has a time');
  assert(lines.length >= 2, `a posting has two lines or more: ${request.key}`);
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
 * Whether both say the same about the money and where it comes from. Time and wording do not count:
 * an event that is reported again after a restart is reported at another time.
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

/** The posting that takes another one back; it keeps the original's subject, so that sums by it cancel. */
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
 * Refuses postings, in their order, that would leave an account with less than nothing where the table of
 * accounts says that this never happens. Fails with `database-corrupt`: an event is missing that came before.
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
      assert(grows === 'debit', `an account that is never negative grows by debits: ${line.account}`);
      const key = `${line.account} ${line.assetId}`;
      balances.set(key, (balances.get(key) ?? balanceOf(line.account, line.assetId)) + line.amount);
      if (line.amount < 0n) lowered.push({ key, line });
    }
    for (const { key, line } of lowered) {
      const after = balances.get(key) ?? 0n;
      if (after >= 0n) continue;
      throw new AppError(
        'database-corrupt',
        `Booking this would leave ${line.account} at ${after}: the books lack an event that came before. ` +
          'Nothing was changed; `ledger verify` names what is missing.',
        { details: { posting: name, account: line.account, assetId: line.assetId } },
      );
    }
  }
}
