/** Reads records that may be damaged. */
import type { z } from 'zod';

/** Returns the value of a record; null if there is none or it is damaged: the next check writes a new one. */
export function readRecord<Stored>(text: string | null, schema: z.ZodType<Stored>): Stored | null {
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
