/** A job as it is stored and shown: never its prompt or its answer. */
import { z } from 'zod';
import { amountTextSchema } from './money.ts';

/** The life cycle of a job, in order; `failed`, `aborted` and `refused` are alternative ends. */
export const jobStateSchema = z.enum([
  'admitted', // a valid voucher was stored
  'running', // the engine computes it
  'delivered', // the answer was sent, the charge is not recorded yet
  'charged', // charged, receipt signed, recorded as income
  'claimed', // its channel was claimed on-chain at or above this job's cumulative amount
  'settled', // paid out to the payout address
  'aborted', // the requester disconnected or the owner came back; delivered output is charged
  'failed', // the engine or the agent failed; delivered output, possibly none, is charged
  'refused',
]);
export type JobState = z.infer<typeof jobStateSchema>;

/** An API key as it was when it bought a job: it may be revoked since. */
export const jobKeySchema = z.object({
  id: z.string(),
  /** Null: the machine's own key. */
  name: z.string().nullable(),
});
export type JobKey = z.infer<typeof jobKeySchema>;

export const jobSchema = z.object({
  id: z.string(),
  /** `sold` when this machine served it, `bought` when this machine's gateway paid for it. */
  side: z.enum(['sold', 'bought']),
  state: jobStateSchema,
  model: z.string(),
  /** The peer ID of the other party. */
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
  /** The channel's cumulative charge after this job. */
  cumulative: amountTextSchema.nullable(),
  /** The signed receipt (compact JWS). */
  receipt: z.string().nullable(),
  finishReason: z.string().nullable(),
  /** A code from the closed union of errors if it failed. */
  error: z.string().nullable(),
  /** The bought job whose answer this one continues, at another provider or later. */
  continues: z.string().nullable().default(null),
  /** The bought job that continued this one's answer. */
  continuedBy: z.string().nullable().default(null),
  /** The API key that bought it; null if it was sold, or bought before keys were recorded. */
  apiKey: jobKeySchema.nullable().default(null),
});
export type Job = z.infer<typeof jobSchema>;

/** One step of a job's life cycle, for its timeline. */
export const jobEventSchema = z.object({
  atMs: z.number(),
  state: jobStateSchema,
  note: z.string().nullable(),
});
export type JobEvent = z.infer<typeof jobEventSchema>;
