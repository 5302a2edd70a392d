/** Expected failures: a closed union of codes, so that every reader can switch over them. */

export const ERROR_CODES = [
  'bad-request', // what was asked for is malformed
  'not-found',
  'context-exceeded', // prompt and answer do not fit the model's context
  'payment-required', // no voucher, or one that is refused; details.reason says which
  'model-unavailable', // not downloaded, not loaded, or refused by its checksum
  'no-source', // no download source could be reached; details.tried lists them
  'disk-full',
  'checksum-mismatch',
  'engine-failed', // the engine process ended in the middle of something
  'engine-gave-up', // restarted too often
  'aborted', // the caller or the owner stopped it
  'busy', // no free slot
  'paused', // the owner's machine is not for hire right now; details.reason says why
  'no-provider', // nobody offers this model
  'peer-unreachable',
  'receipt-refused', // a provider's signed account of a job does not hold; details.reason says why
  'chain-unavailable',
  'chain-mismatch', // the node answers for another chain id
  'insufficient-funds',
  'fee-too-high', // the network's fee is above the owner's limit now
  'not-backed-up', // the wallet's backup is not proven yet, and real money waits for it
  'home-in-use', // another agent runs on this home folder
  'home-not-writable',
  'port-in-use',
  'database-corrupt',
  'keystore-missing',
  'keystore-locked', // wrong or missing pass phrase
  'not-permitted', // the caller's role does not allow this
  'unsupported', // this machine or build cannot do it
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * An expected failure. `message` is one sentence for people; `details` holds only what may be logged
 * and shown: no prompt, no answer, no key.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Whether a caught value is an expected failure (of one of the given codes, when any are given). */
export function isAppError(value: unknown, ...codes: ErrorCode[]): value is AppError {
  return value instanceof AppError && (codes.length === 0 || codes.includes(value.code));
}
