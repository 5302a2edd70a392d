/** What a provider's answers about payment say, checked before the payer acts on them. */
import { decodePaymentRequiredHeader, decodePaymentResponseHeader } from '@x402/core/http';
import type { PaymentRequired, PaymentRequirements } from '@x402/core/types';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { amountSchema } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import { requirementSchema, SCHEME } from './wire.ts';

/** A withdrawal that takes longer than this locks our money up for too long. */
const WITHDRAW_DELAY_SECONDS_MAX = 7 * 86_400;

const settledSchema = z.object({
  success: z.literal(true),
  transaction: z.string(),
  extra: z.object({
    chargedAmount: amountSchema,
    channelState: z.object({ chargedCumulativeAmount: amountSchema }),
  }),
});

/** The provider's requirement that this wallet can meet; what a channel would cost us in time is checked too. */
export function checkRequirements(required: PaymentRequired, network: ChainNetwork): PaymentRequirements {
  const found = required.accepts.find(
    (accept) =>
      requirementSchema.safeParse(accept).success &&
      accept.scheme === SCHEME &&
      accept.network === network.id &&
      accept.asset.toLowerCase() === network.token.address.toLowerCase() &&
      accept.extra.name === network.token.eip712.name &&
      accept.extra.version === network.token.eip712.version &&
      Number(accept.extra.withdrawDelay) <= WITHDRAW_DELAY_SECONDS_MAX,
  );
  if (found === undefined) {
    throw new AppError('unsupported', 'The provider takes no payment that this wallet can make.', {
      details: { network: network.id },
    });
  }
  // What a 402 says about one channel belongs to no other.
  const { channelState: _channelState, voucherState: _voucherState, ...extra } = found.extra;
  return { ...found, extra };
}

/** Null when the header cannot be read. */
export function decodeRequired(header: string): PaymentRequired | null {
  try {
    return decodePaymentRequiredHeader(header);
  } catch {
    // A header that cannot be read corrects nothing; the caller goes on without it.
    return null;
  }
}

/** What a provider charged, by its payment response. Fails with `bad-request`. */
export function parseSettled(paymentResponse: string): z.infer<typeof settledSchema> {
  try {
    return settledSchema.parse(decodePaymentResponseHeader(paymentResponse));
  } catch (cause) {
    throw new AppError('bad-request', 'The provider’s payment response cannot be read.', { cause });
  }
}

const refusalSchema = z.object({ error: z.object({ code: z.string() }) });

/** The `code` of an OpenAI-shaped error, or null. */
export function refusalCode(body: string): string | null {
  try {
    return refusalSchema.parse(JSON.parse(body)).error.code;
  } catch {
    // Not our shape of error: nothing is known but the status.
    return null;
  }
}

/** Why a deposit did not come about. */
export function depositError(peer: string, code: string | null): AppError {
  if (code === 'chain-unavailable') {
    return new AppError('chain-unavailable', 'The provider cannot reach the chain to take a deposit.', {
      details: { peer },
    });
  }
  return new AppError('insufficient-funds', 'The deposit into the channel was not possible.', {
    details: { peer, reason: code },
  });
}

/** A header by its lower-case name. */
export function headerOf(headers: Readonly<Record<string, string>>, name: string): string | null {
  for (const [key, value] of Object.entries(headers)) if (key.toLowerCase() === name) return value;
  return null;
}
