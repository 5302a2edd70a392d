/** Verdicts of buyers that repeated answers of a provider, signed by their peer keys, for other buyers. */
import { z } from 'zod';
import { peerIdSchema } from './settings.ts';

const countSchema = z.number().int().positive().max(1_000_000_000);

/** Payload of the JWS. */
export const auditVerdictSchema = z.object({
  /** Peer ID of the buyer, which signs. */
  auditor: peerIdSchema,
  /** Peer ID. */
  provider: peerIdSchema,
  /** SHA-256 of the model file, in hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Repeated answers and their tokens, over all since the evidence began. */
  answers: countSchema,
  tokens: countSchema,
  /** False: an honest provider's answers would hardly be like that; see docs/audit.md. */
  hasPassed: z.boolean(),
  /** Time of the last repeated answer, since the epoch. */
  atMs: z.number().int().nonnegative(),
});
export type AuditVerdict = z.infer<typeof auditVerdictSchema>;

/** Verdicts that a peer shows, one for each provider, the newest first. */
export const VERDICTS_MAX = 50;
/** Longest JWS of a verdict. */
export const VERDICT_CHARACTERS_MAX = 1_500;
/** Response to `GET` {@link import('./wire.ts').AUDITS_PATH}. */
export const shownVerdictsSchema = z.array(z.string().min(1).max(VERDICT_CHARACTERS_MAX)).max(VERDICTS_MAX);
/** Longest response. */
export const VERDICTS_CHARACTERS_MAX = VERDICTS_MAX * (VERDICT_CHARACTERS_MAX + 10);
