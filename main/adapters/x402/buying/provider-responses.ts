/** Parses and validates a provider's payment responses before the payer acts on them. */
import { decodePaymentRequiredHeader, decodePaymentResponseHeader } from '@x402/core/http';
import type { PaymentRequired, PaymentRequirements } from '@x402/core/types';
import { z } from 'zod';
import { checkShape } from '../../../../shared/check-shape.ts';
import { AppError } from '../../../../shared/errors.ts';
import { parseJson } from '../../../../shared/json.ts';
import { amountSchema } from '../../../../shared/money.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import { readText } from '../../../ports/read-text.ts';
import { addressSchema, assertFlatHeader, requirementSchema, SCHEME } from '../wire.ts';

/** A longer withdrawal delay would lock up our money for too long. */
export const WITHDRAW_DELAY_SECONDS_MAX = 7 * 86_400;

/** Ways to pay in one response. */
const ACCEPTS_MAX = 64;
/** An error in OpenAI's shape has a few hundred characters. */
const BODY_CHARACTERS_MAX = 64 * 1024;

const settledSchema = z.object({
  success: z.literal(true),
  transaction: z.string(),
  extra: z.object({
    chargedAmount: amountSchema,
    channelState: z.object({ chargedCumulativeAmount: amountSchema }),
  }),
});

const channelExtraSchema = z.object({
  receiverAuthorizer: addressSchema,
  withdrawDelay: z.number().int().nonnegative().max(WITHDRAW_DELAY_SECONDS_MAX),
});

/**
 * Returns the provider's requirement that this wallet can meet, with a withdrawal delay of at most 7 days. Fails with
 * `unsupported` if there is none.
 */
export function checkRequirements(required: PaymentRequired, network: ChainNetwork): PaymentRequirements {
  const found = required.accepts.find(
    (accept) =>
      checkShape(requirementSchema, accept).success &&
      accept.scheme === SCHEME &&
      accept.network === network.id &&
      accept.asset.toLowerCase() === network.token.address.toLowerCase() &&
      accept.extra.name === network.token.eip712.name &&
      accept.extra.version === network.token.eip712.version &&
      channelExtraSchema.safeParse(accept.extra).success,
  );
  if (found === undefined) {
    throw new AppError('unsupported', 'The provider accepts no payment that this wallet can make.', {
      details: { network: network.id },
    });
  }
  // The channel state in a 402 response is valid for that channel only.
  const { channelState: _channelState, voucherState: _voucherState, ...extra } = found.extra;
  return { ...found, extra };
}

const requiredSchema = z.looseObject({ accepts: z.array(z.looseObject({})).max(ACCEPTS_MAX) });

/** Null when the header is invalid; the requirements in it are as yet unchecked. */
export function decodeRequired(header: string): PaymentRequired | null {
  try {
    assertFlatHeader(header);
    const required = decodePaymentRequiredHeader(header);
    return checkShape(requiredSchema, required).success ? required : null;
  } catch {
    // An invalid header corrects nothing; the caller continues without it.
    return null;
  }
}

/** Parses the charge from a payment response. Fails with `bad-request`. */
export function parseSettled(paymentResponse: string): z.infer<typeof settledSchema> {
  try {
    assertFlatHeader(paymentResponse);
    return settledSchema.parse(decodePaymentResponseHeader(paymentResponse));
  } catch (cause) {
    throw new AppError('bad-request', 'The provider’s payment response is invalid.', { cause });
  }
}

const refusalSchema = z.object({ error: z.object({ code: z.string() }) });

/** Returns the body's text, or its beginning: a provider could send without end. The rest is not received. */
export async function readBody(response: Response): Promise<string> {
  return (await readText(response, BODY_CHARACTERS_MAX)).text;
}

/** Returns the `code` of an OpenAI-shaped error, or null. */
export function refusalCode(body: string): string | null {
  try {
    return refusalSchema.parse(parseJson(body)).error.code;
  } catch {
    // Another shape of error: only the status is known.
    return null;
  }
}

/** True if a provider refused because it is paused, not because of the payment. */
export function isPauseCode(code: string | null): boolean {
  return code?.startsWith('paused') === true;
}

/** Returns the error for a provider that doesn't answer about a channel; `code` is its reason. */
export function pausedError(peer: string, code: string | null): AppError {
  const details = { peer, ...(code === null ? {} : { code }) };
  return new AppError('paused', 'The provider is paused.', { details });
}

/** Returns the error for a failed deposit. */
export function depositError(peer: string, status: number, code: string | null): AppError {
  if (code === 'chain-unavailable') {
    return new AppError(
      'chain-unavailable',
      'The provider could not make the deposit because the chain is unavailable to it.',
      {
        details: { peer },
      },
    );
  }
  if (code === 'clock-wrong') {
    return new AppError(
      'clock-wrong',
      'The provider’s clock differs from the blockchain’s, so it rejected the deposit. Nothing was deposited; another provider may accept it.',
      { details: { peer } },
    );
  }
  const details = { peer, ...(code === null ? {} : { code }) };
  if (status === 429)
    return new AppError('busy', 'The provider takes no more deposits right now.', { details });
  if (status === 503 || isPauseCode(code))
    return new AppError('paused', 'The provider takes no deposits right now.', { details });
  return new AppError('insufficient-funds', 'The deposit into the channel failed.', {
    details: { peer, reason: code },
  });
}

/** Returns a header by its lower-case name. */
export function headerOf(headers: Readonly<Record<string, string>>, name: string): string | null {
  for (const [key, value] of Object.entries(headers)) if (key.toLowerCase() === name) return value;
  return null;
}
