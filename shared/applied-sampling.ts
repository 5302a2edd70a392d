/** The way in which the tokens of an answer were chosen: with the request, all that is needed to repeat each choice. */
import { z } from 'zod';

/** Most likely tokens that are sampled from if the request sets none. Keeps very unlikely tokens out. */
export const TOP_K_DEFAULT = 40;

/**
 * `gumbel-max`: by seeded noise of each token; `greedy`: always the most likely token; `other`: in a way that can't be
 * repeated.
 */
export const SAMPLING_METHODS = ['gumbel-max', 'greedy', 'other'] as const;
export type SamplingMethod = (typeof SAMPLING_METHODS)[number];

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
export const seedSchema = z.number().int().min(0).max(0xffff_ffff);

export const appliedSamplingSchema = z.object({
  /** One of a later version can't be repeated here. */
  method: z.enum(SAMPLING_METHODS).catch('other'),
  /** Of the first answer to the prompt. Each further one has the next seed. */
  seed: seedSchema,
  temperature: z.number(),
  topP: z.number(),
  topK: z.number().int().nonnegative(),
  minP: z.number(),
  /** sha256 of the prompt's tokens as little-endian uint32, in hex: the prompt as the chat template writes it. */
  promptHash: sha256Schema,
  /** sha256, in hex, of the grammar that the answer was bound to (GBNF, UTF-8); absent if it was free. */
  grammarHash: sha256Schema.optional(),
});
export type AppliedSampling = z.infer<typeof appliedSamplingSchema>;
