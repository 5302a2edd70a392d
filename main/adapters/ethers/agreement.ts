/** Compares the outcomes of one query at several endpoints. */
import type { AppError } from '../../../shared/errors.ts';

export type Outcome<T> =
  | { readonly kind: 'answer'; readonly value: T; readonly key: string }
  /** The node itself refused, e.g. because a contract reverted. Counts as an answer, too. */
  | { readonly kind: 'refusal'; readonly error: unknown; readonly key: string }
  | { readonly kind: 'failure'; readonly error: AppError };

export function toAnswer<T>(value: T): Outcome<T> {
  return { kind: 'answer', value, key: keyOf(value) };
}

/** Nodes word the same refusal differently, so all refusals are equal. */
export function toRefusal(error: unknown): Outcome<never> {
  return { kind: 'refusal', error, key: 'refused' };
}

/** Returns an outcome that at least `needed` endpoints share, or null. */
export function majority<T>(outcomes: readonly Outcome<T>[], needed: number): Outcome<T> | null {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) {
    if (outcome.kind === 'failure') continue;
    const count = (counts.get(outcome.key) ?? 0) + 1;
    if (count >= needed) return outcome;
    counts.set(outcome.key, count);
  }
  return null;
}

/** Returns an answer of null, e.g. for a receipt that the node doesn't have yet. */
export function missingAnswer<T>(outcomes: readonly Outcome<T>[]): Outcome<T> | null {
  return outcomes.find((outcome) => outcome.kind === 'answer' && outcome.value === null) ?? null;
}

export function countAnswers(outcomes: readonly Outcome<unknown>[]): number {
  return outcomes.filter((outcome) => outcome.kind !== 'failure').length;
}

export function failuresOf(outcomes: readonly Outcome<unknown>[]): AppError[] {
  return outcomes.flatMap((outcome) => (outcome.kind === 'failure' ? [outcome.error] : []));
}

/** Returns the answer's value; throws a refusal or failure. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.kind === 'answer') return outcome.value;
  throw outcome.error;
}

function keyOf(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part)) ?? 'undefined';
}
