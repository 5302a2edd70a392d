/** Reads what other machines send. */
import type { z } from 'zod';
import { checkShape } from '../../../shared/check-shape.ts';
import { parseJson } from '../../../shared/json.ts';
import { readText } from '../../ports/read-text.ts';

/** Returns the message; null if it is longer than `charactersMax`, isn't JSON or doesn't fit the schema. */
export async function readMessage<Schema extends z.ZodType>(
  schema: Schema,
  message: Request | Response,
  charactersMax: number,
): Promise<z.output<Schema> | null> {
  const { text, isComplete } = await readText(new Response(message.body), charactersMax);
  const parsed = checkShape(schema, isComplete ? read(text) : null);
  return parsed.success ? parsed.data : null;
}

function read(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}
