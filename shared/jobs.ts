/** A job as it is kept and shown: never its prompt or its answer. */
import { z } from 'zod';
import { amountTextSchema } from './money.ts';

/** The life of a job, in order; `failed`, `aborted` and `refused` are ends of their own. */
export const jobStateSchema = z.enum([
  'admitted', // a valid voucher was persisted
  'running', // the engine works on it
  'delivered', // the answer went out, the charge is not booked yet
  'charged', // charged, receipt signed, booked as income
  'claimed', // its channel was claimed on chain at or above this job's cumulative amount
  'settled', // paid out to the payout address
  'aborted', // the requester left or the owner came back; what was delivered is charged
  'failed', // the engine or we failed; charged is what was delivered, possibly nothing
  'refused',
]);
export type JobState = z.infer<typeof jobStateSchema>;

export const jobSchema = z.object({
  id: z.string(),
  /** `sold` when this machine served it, `bought` when this machine's gateway paid for it. */
  side: z.enum(['sold', 'bought']),
  state: jobStateSchema,
  model: z.string(),
  /** The other side's peer id. */
  peer: z.string(),
  payer: z.string().nullable(),
  channelId: z.string().nullable(),
  createdAtMs: z.number(),
  startedAtMs: z.number().nullable(),
  firstTokenAtMs: z.number().nullable(),
  endedAtMs: z.number().nullable(),
  inputTokens: z.number().int().nullable(),
  outputTokens: z.number().int().nullable(),
  decodeTokensPerSecond: z.number().nullable(),
  assetId: z.string().nullable(),
  charged: amountTextSchema.nullable(),
  /** What the channel owes in all after this job. */
  cumulative: amountTextSchema.nullable(),
  /** The signed receipt (compact JWS). */
  receipt: z.string().nullable(),
  finishReason: z.string().nullable(),
  /** A code from the closed union of errors when it failed. */
  error: z.string().nullable(),
  /** The bought job whose answer this one goes on with, at another provider or later. */
  continues: z.string().nullable().default(null),
  /** The bought job that went on with this one's answer. */
  continuedBy: z.string().nullable().default(null),
});
export type Job = z.infer<typeof jobSchema>;

/** One step in a job's life, for its time line. */
export const jobEventSchema = z.object({
  atMs: z.number(),
  state: jobStateSchema,
  note: z.string().nullable(),
});
export type JobEvent = z.infer<typeof jobEventSchema>;
