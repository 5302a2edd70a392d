/** Queries a provider for its payment requirements: a request without a voucher at the channel's path. */

import type { PaymentRequirements } from '@x402/core/types';
import { AppError } from '../../../../shared/errors.ts';
import { PAYMENT_REQUIRED_HEADER } from '../../../../shared/wire.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import { CHANNEL_PATH, type PaidProvider } from '../../../ports/payments.ts';
import { checkRequirements, decodeRequired } from './provider-responses.ts';

const ASK_TIMEOUT_MS = 10_000;

/** Fails with `peer-unreachable` for a response without requirements, and with `unsupported` if none can be met. */
export async function askRequirements(
  provider: PaidProvider,
  network: ChainNetwork,
): Promise<PaymentRequirements> {
  const response = await provider.fetch(CHANNEL_PATH, {
    method: 'POST',
    signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
  });
  await response.body?.cancel();
  const header = response.headers.get(PAYMENT_REQUIRED_HEADER);
  const required = response.status === 402 && header !== null ? decodeRequired(header) : null;
  if (required === null) {
    throw new AppError('peer-unreachable', 'The provider didn’t return its payment requirements.', {
      details: { peer: provider.peer, status: response.status },
    });
  }
  return checkRequirements(required, network);
}
