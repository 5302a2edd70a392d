/**
 * Sums of the postings after the last checkpoint, which only memory has: written with each posting, the pages of balances,
 * channels and flows were a quarter of what a job writes. A connection reads them from the postings once, then adds what
 * it appends.
 */
import type { Posting } from '../../ports/ledger.ts';
import type { ReadHandle } from './handles.ts';
import { readPostings } from './ledger-rows.ts';
import { addToSums, createSums, type Sums } from './ledger-sums.ts';

const PAGE = 1_000;

/** The sums of the postings after `storedTo`, up to `to`. */
interface State {
  readonly storedTo: number;
  to: number;
  readonly sums: Sums;
}

export class OpenSums {
  readonly #reader: ReadHandle;
  #state: State | null = null;
  /** See {@link ReadHandle.rollbacks}. */
  #rollbacks: number;

  constructor(reader: ReadHandle) {
    this.#reader = reader;
    this.#rollbacks = reader.rollbacks();
  }

  /** The sums to add to the stored ones. */
  get sums(): Sums {
    return this.#current().sums;
  }

  /** Sequence number of the last posting in the stored sums. */
  get storedTo(): number {
    return this.#current().storedTo;
  }

  /** Call it with each posting that this connection appends, after the sums up to it were read. */
  add(sequence: number, posting: Posting): void {
    const state = this.#current();
    addToSums(state.sums, posting);
    state.to = sequence;
  }

  /** Call it when the sums were stored up to this posting, the newest one. */
  stored(sequence: number): void {
    this.#state = { storedTo: sequence, to: sequence, sums: createSums() };
  }

  /** Adds what another connection has appended since; calls `appended` with each such posting. */
  catchUp(appended: (posting: Posting) => void): void {
    const state = this.#current();
    const before = state.to;
    if (headOf(this.#reader) === before) return;
    const isAhead = storedToOf(this.#reader) !== state.storedTo;
    for (const { sequence, posting } of postingsAfter(this.#reader, before)) {
      appended(posting);
      if (!isAhead) this.add(sequence, posting);
    }
    if (isAhead) this.#state = null;
  }

  #current(): State {
    // What was read or added in a transaction that was undone isn't stored.
    if (this.#rollbacks !== this.#reader.rollbacks()) this.#state = null;
    this.#rollbacks = this.#reader.rollbacks();
    this.#state ??= readState(this.#reader);
    return this.#state;
  }
}

function readState(reader: ReadHandle): State {
  const storedTo = storedToOf(reader);
  const state: State = { storedTo, to: storedTo, sums: createSums() };
  for (const { sequence, posting } of postingsAfter(reader, storedTo)) {
    addToSums(state.sums, posting);
    state.to = sequence;
  }
  return state;
}

function storedToOf(reader: ReadHandle): number {
  return reader.get<{ sequence: number }>('SELECT sequence FROM ledger_checkpoint')?.sequence ?? 0;
}

function headOf(reader: ReadHandle): number {
  return reader.get<{ sequence: number }>('SELECT sequence FROM ledger_head')?.sequence ?? 0;
}

function* postingsAfter(reader: ReadHandle, sequence: number) {
  for (let after = sequence; ; ) {
    const page = readPostings(reader, after, PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.sequence;
  }
}
