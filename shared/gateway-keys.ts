/** API keys of the gateway: the terms that pages, agent and terminal share. */
import { z } from 'zod';
import { amountTextSchema } from './money.ts';

/** Keys of one gateway, this machine's own included. */
export const GATEWAY_KEYS_MAX = 100;
/** Largest accepted limits of one key. */
export const KEY_LIMITS_MAX = {
  requestsPerMinute: 10_000,
  /** Requests in progress; the gateway's own limit may be lower. */
  concurrent: 1_000,
} as const;

const unitsSchema = z.string().regex(/^\d{1,15}$/);

/** Limits of one key: spending and frequency of use. Null: as much as the owner's limits for all of them allow. */
export const keyLimitsSchema = z.object({
  /** Base units within 24 hours. */
  dayMax: unitsSchema.nullable(),
  /** Base units over the life of the key. */
  totalMax: unitsSchema.nullable(),
  expiresAtMs: z.number().int().positive().max(8_640_000_000_000_000).nullable(),
  /** Paid requests within 60 seconds. */
  requestsPerMinuteMax: z.number().int().min(1).max(KEY_LIMITS_MAX.requestsPerMinute).nullable(),
  concurrentMax: z.number().int().min(1).max(KEY_LIMITS_MAX.concurrent).nullable(),
});
export type KeyLimits = z.infer<typeof keyLimitsSchema>;

export const NO_KEY_LIMITS: KeyLimits = {
  dayMax: null,
  totalMax: null,
  expiresAtMs: null,
  requestsPerMinuteMax: null,
  concurrentMax: null,
};

/** Without control characters and marks that would change how a terminal or a list shows the name. */
const nameSchema = z
  .string()
  .trim()
  .min(1)
  .max(60)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u);

export const newKeySchema = keyLimitsSchema.extend({ name: nameSchema });
export type NewKey = z.infer<typeof newKeySchema>;

/** A key without its secret. */
export const gatewayKeySchema = newKeySchema.extend({
  id: z.string(),
  /** The key that READY and the pages show: the only one whose secret is stored. */
  isOwn: z.boolean(),
  createdAtMs: z.number(),
  /** To the minute; null before the first use. */
  lastUsedAtMs: z.number().nullable(),
  /** Base units charged within 24 hours, or that may still be charged. */
  spentDay: amountTextSchema,
  spentTotal: amountTextSchema,
});
export type GatewayKey = z.infer<typeof gatewayKeySchema>;
