/** Describes a failure for the owner. */
import { isAppError } from '../../../shared/errors.ts';

/** Returns one sentence. The text of an unexpected error is not shown, because it may contain private data. */
export function failureText(error: unknown, subject: string): string {
  return isAppError(error) ? error.message : `${subject} failed for an unknown reason. Try again.`;
}
