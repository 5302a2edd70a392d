/** Appends entries to the ledger: each key once, a batch whole or not at all, never below an account's floor. */
import { assert, forceUnwrap } from '../../../shared/assert.ts';
import type { LedgerStore, Posting } from '../../ports/ledger.ts';
import { isSameEvent, type PostingRequest, refuseNegative, reversalOf, toPosting } from './posting.ts';

/** `repeated`: the same event was recorded before. `nothing`: no money moved. */
export type Booked = 'posted' | 'repeated' | 'nothing';

export interface Book {
  /** Records one event once; the same key with different content is an assertion failure. */
  post(request: PostingRequest): Booked;
  /** Records all or none, durable together: the cheap way to record many. */
  postAll(requests: readonly PostingRequest[]): readonly Booked[];
  /** Records the opposite of an entry, once. */
  reverse(original: Posting, atMs: number, reason: string): Booked;
}

export function createBook(store: LedgerStore): Book {
  const append = (posting: Posting): Booked =>
    forceUnwrap('one entry has one outcome', appendAll(store, [posting])[0]);
  return {
    post: (request) => append(toPosting(request)),
    postAll: (requests) => appendAll(store, requests.map(toPosting)),
    reverse: (original, atMs, reason) => append(reversalOf(original, atMs, reason)),
  };
}

/** Nothing runs between the checks and the append: this is one process, and every call here is synchronous. */
function appendAll(store: LedgerStore, postings: readonly Posting[]): Booked[] {
  const fresh = new Map<string, Posting>();
  const taken = store.taken(postings.map(({ key }) => key));
  const outcomes = postings.map((posting): Booked => {
    const known = fresh.get(posting.key) ?? (taken.has(posting.key) ? store.find(posting.key) : null);
    if (known === null) {
      fresh.set(posting.key, posting);
      return 'posted';
    }
    assert(isSameEvent(known, posting), `the key ${posting.key} was recorded before with different content`);
    return 'repeated';
  });
  refuseNegative([...fresh.values()], store.balance);
  if (fresh.size > 0) store.append([...fresh.values()]);
  return outcomes;
}
