/** The error for a provider, or a request, that exceeds a limit of the buyer: 402 with the limit's code. */
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { QUOTA_EXCEEDED } from '../../../shared/openai-errors.ts';

/** `code` of the error that a client gets. */
export type LimitCode =
  | 'price_above_limit'
  | 'request_budget_exceeded'
  | 'daily_budget_spent'
  | 'deposit_above_limit'
  | 'new_provider_limit'
  | 'sale_limit'
  | typeof QUOTA_EXCEEDED;

/** Nothing was signed for the provider: another one may still be within the limits. */
export function aboveLimit(
  code: LimitCode,
  message: string,
  details: Record<string, unknown> = {},
): AppError {
  return new AppError('payment-required', message, { details: { ...details, code, passedOver: true } });
}

/** True for an error of {@link aboveLimit}. */
export function isAboveLimit(error: unknown): error is AppError {
  return isAppError(error, 'payment-required') && error.details.passedOver === true;
}

/** True if the limit is that for providers without valid receipts, so that only others can be paid. */
export function isNewProviderLimit(error: AppError): boolean {
  return error.details.code === ('new_provider_limit' satisfies LimitCode);
}
