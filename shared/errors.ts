/** Expected failures: a closed union of codes, so that code that handles them can switch exhaustively. */

export const ERROR_CODES = [
  'bad-request', // the request is malformed
  'not-found',
  'context-exceeded', // prompt and answer do not fit the model's context
  'payment-required', // no voucher or a rejected one; details.reason is the kind
  'model-unavailable', // not downloaded, not loaded, or its checksum doesn't match
  'no-source', // no download source could be reached; details.tried lists them
  'disk-full',
  'disk-unwritable', // the disk is read-only or failing
  'checksum-mismatch',
  'engine-failed', // the engine process ended during an operation
  'engine-gave-up', // restarted too often
  'aborted', // the caller or the owner stopped the operation
  'busy', // no free slot
  'paused', // the provider takes no jobs right now; details.reason is the reason
  'no-provider', // no provider offers this model
  'peer-unreachable',
  'receipt-refused', // a provider's receipt is invalid; details.reason is the failed check
  'chain-unavailable',
  'chain-mismatch', // the node serves another chain ID
  'clock-wrong', // this machine's or a peer's clock is wrong by more than is tolerated
  'insufficient-funds',
  'fee-too-high', // the current network fee exceeds the owner's limit
  'not-backed-up', // the wallet's backup isn't verified yet, which real money requires
  'home-in-use', // another agent uses this data folder
  'home-not-writable',
  'port-in-use',
  'database-corrupt',
  'database-lost', // missing, replaced, or older than the mark that the ledger left
  'keystore-missing',
  'keystore-locked', // wrong or missing passphrase
  'not-accepted', // a provider's owner doesn't sell such jobs, or not to this peer
  'not-permitted', // the caller's role does not allow this
  'unsupported', // not available on this machine or in this build
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * An expected failure. `message` is for people; `details` holds only what may be logged and shown: no prompt, no
 * answer, no key.
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

/** True if a caught value is an expected failure, and has one of the codes if any are given. */
export function isAppError(value: unknown, ...codes: ErrorCode[]): value is AppError {
  return value instanceof AppError && (codes.length === 0 || codes.includes(value.code));
}
