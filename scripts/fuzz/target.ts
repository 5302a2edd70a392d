/** One parser that bytes of strangers reach, with the inputs to try on it. */
import type fc from 'fast-check';
import { type ErrorCode, isAppError } from '../../shared/errors.ts';

/** A target with its arbitrary and its run joined, so that targets of different inputs fit into one list. */
export interface Target {
  readonly name: string;
  /** Parts of all inputs; targets that are slow have fewer. */
  readonly share: number;
  /** Adds the target to a run: `use` runs it on `inputs`. */
  readonly use: <Result>(use: <Input>(inputs: fc.Arbitrary<Input>, run: Run<Input>) => Result) => Result;
}

/** Throws or rejects for a fault: a crash, an error of another kind than the parser documents, or a wrong result. */
export type Run<Input> = (input: Input) => void | Promise<void>;

export function target<Input>(
  { name, share }: Pick<Target, 'name' | 'share'>,
  inputs: fc.Arbitrary<Input>,
  run: Run<Input>,
): Target {
  return { name, share, use: (use) => use(inputs, run) };
}

/** Runs a parser; only expected failures with one of the codes may leave it. Returns null after one. */
export function refusing<Result>(codes: readonly ErrorCode[], run: () => Result): Result | null {
  try {
    return run();
  } catch (error) {
    if (!isAppError(error, ...codes)) throw error;
    return null;
  }
}

/** See {@link refusing}. */
export async function refusingLater<Result>(
  codes: readonly ErrorCode[],
  run: () => Promise<Result>,
): Promise<Result | null> {
  try {
    return await run();
  } catch (error) {
    if (!isAppError(error, ...codes)) throw error;
    return null;
  }
}
