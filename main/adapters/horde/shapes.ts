/** Shapes of what the Horde's server sends, within bounds. Unknown fields are ignored. */
import { z } from 'zod';

/** Characters of a prompt; the longest context that the server allows has fewer. */
const PROMPT_CHARACTERS_MAX = 1_000_000;
const STOPS_MAX = 256;
const STOP_CHARACTERS_MAX = 256;
const REASONS_MAX = 64;
/** An hour; usual are 150 s. */
const TTL_S_MAX = 3_600;
/** Kudos of one answer; usual are tens. */
const REWARD_MAX = 1_000_000;

export const idSchema = z.string().regex(/^[0-9a-zA-Z-]{1,64}$/);

const number = (min: number, max: number, absent: number) =>
  z
    .number()
    .min(min)
    .max(max)
    .nullish()
    .transform((value) => value ?? absent);

export const jobSchema = z.object({
  id: idSchema,
  model: z.string().min(1).max(200),
  ttl: z.number().positive().max(TTL_S_MAX).nullish(),
  payload: z.object({
    prompt: z.string().max(PROMPT_CHARACTERS_MAX),
    max_length: z.number().int().positive().max(100_000),
    temperature: number(0, 5, 1),
    top_p: number(0, 1, 1),
    top_k: number(0, 1_000, 0),
    min_p: number(0, 1, 0),
    rep_pen: number(0, 10, 1),
    stop_sequence: z.array(z.string().max(STOP_CHARACTERS_MAX)).max(STOPS_MAX).nullish(),
  }),
});

/** The answer where there is no job. */
export const noneSchema = z.object({
  id: z.null(),
  skipped: z
    .record(z.string().max(60), z.unknown())
    .refine((skipped) => Object.keys(skipped).length <= REASONS_MAX)
    .nullish(),
});

export const submittedSchema = z.object({ reward: z.number().min(0).max(REWARD_MAX) });

export const workerSchema = z.object({ id: idSchema });

/** `rc` is the code of the refusal. */
export const refusalSchema = z.object({
  rc: z.string().max(60).nullish(),
  message: z.string().max(10_000).nullish(),
});
