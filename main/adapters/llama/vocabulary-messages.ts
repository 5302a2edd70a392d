/** Messages between the tokenizer and its child process; both ends validate them. */
import { z } from 'zod';
import { generateRequestSchema } from '../../ports/engine-process.ts';

const count = z.number().int().nonnegative();

export const recountCommandSchema = z.object({
  id: count,
  path: z.string().min(1),
  prompt: generateRequestSchema.shape.prompt,
  stop: generateRequestSchema.shape.stop,
  tokens: z.array(count),
  text: z.string(),
});
export type RecountCommand = z.infer<typeof recountCommandSchema>;

/** `counted` is null if the file could not be read or the prompt could not be tokenized. */
export const recountReportSchema = z.object({
  id: count,
  counted: z.object({ inputTokens: count, outputText: z.string().nullable(), textTokens: count }).nullable(),
});
export type RecountReport = z.infer<typeof recountReportSchema>;
