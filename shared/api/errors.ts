/** Failures of the API on the wire: encoded by the agent, decoded by pages, the shell and commands. */
import { ORPCError } from '@orpc/contract';
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../errors.ts';

/** In addition to the transport's own code and message: the agent's code, or the incident of an unexpected failure. */
const errorDataSchema = z.object({
  code: z.enum(ERROR_CODES).nullish().catch(null),
  incident: z.string().max(100).nullish().catch(null),
});
export type ApiErrorData = { readonly code: ErrorCode } | { readonly incident: string };

export interface ApiFailure {
  /** Null for an unexpected failure of the agent; input that the contract rejects is a `bad-request`. */
  readonly code: ErrorCode | null;
  /** Names the failure in the agent's log; null for an expected one. */
  readonly incident: string | null;
  /** One sentence; never a prompt, an answer or a key. */
  readonly message: string;
  /** True if the sentence is the agent's and meant for people, false if it is the transport's. */
  readonly isForPeople: boolean;
}

/** Decodes the error of a failed API call; null if the agent didn't respond at all. */
export function decodeApiError(error: unknown): ApiFailure | null {
  if (!(error instanceof ORPCError)) return null;
  const parsed = errorDataSchema.safeParse(error.data);
  const code = parsed.data?.code ?? null;
  const incident = parsed.data?.incident ?? null;
  return {
    code: code ?? (error.code === 'BAD_REQUEST' ? 'bad-request' : null),
    incident,
    message: error.message,
    isForPeople: code !== null || incident !== null,
  };
}
