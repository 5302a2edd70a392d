/** Pairing of browsers with an agent without a desktop: the terms that pages, agent and terminal share. */
import { z } from 'zod';

/** Without letters and digits that look alike; 32 of them, so that each has five bits. */
export const CODE_ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
export const CODE_LENGTH = 8;
/** Minutes in which a code can be used, once. */
export const CODE_MINUTES = 5;

const idSchema = z.string().regex(/^[0-9a-f]{16}$/);
const keySchema = z.string().regex(/^[0-9a-f]{64}$/);

/** A browser's request; `name` is what the owner sees in the list. */
export const pairRequestSchema = z.object({
  code: z.string().min(1).max(40),
  name: z.string().min(1).max(60),
});

/** The part of a paired browser's access that only this page's scripts read; the other is a cookie they can't read. */
export const browserHalfSchema = z.object({ id: idSchema, key: keySchema });
export type BrowserHalf = z.infer<typeof browserHalfSchema>;

export const pairFailureSchema = z.object({
  problem: z.enum(['no-code', 'wrong-code', 'too-many-browsers']),
});
export type PairProblem = z.infer<typeof pairFailureSchema>['problem'];

/** A paired browser, without anything secret. */
export const pairedBrowserSchema = z.object({
  id: idSchema,
  name: z.string(),
  pairedAtMs: z.number(),
  /** Day of its last connection, to the day. */
  lastSeenMs: z.number(),
});
export type PairedBrowser = z.infer<typeof pairedBrowserSchema>;
