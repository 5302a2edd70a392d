/** Validates values of strangers. */
import { z } from 'zod';

/**
 * Like `schema.safeParse`, for a value from another machine or program, and never throws: zod 4.6.7 compares the `length`
 * of any value with a limit, also of one that is no string or list, and `{"length": {"toString": null}}` can't be compared
 * (docs/upstream/zod.md).
 */
export function checkShape<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  options?: Parameters<Schema['safeParse']>[1],
): z.ZodSafeParseResult<z.output<Schema>> {
  try {
    return schema.safeParse(value, options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const issue = { code: 'custom' as const, path: [], message: 'has an invalid value', input: undefined };
    return { success: false, error: new z.ZodError([issue]) as z.ZodError<z.output<Schema>> };
  }
}
