/** Queries a provider for its payment requirements: a request without a voucher at the channel's path. */

import type { PaymentRequirements } from '@x402/core/types';
import { AppError } from '../../../../shared/errors.ts';
import { PAYMENT_REQUIRED_HEADER } from '../../../../shared/wire.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import { CHANNEL_PATH, type PaidProvider } from '../../../ports/payments.ts';
import { isTemporary } from './channel-recovery.ts';
import {
  checkRequirements,
  decodeRequired,
  isPauseCode,
  pausedError,
  readBody,
  refusalCode,
} from './provider-responses.ts';

const ASK_TIMEOUT_MS = 10_000;

/**
 * Fails with `paused` or `busy` if the provider takes nothing right now, with `peer-unreachable` for another response without
 * requirements, and with `unsupported` if none can be met.
 */
export async function askRequirements(
  provider: PaidProvider,
  network: ChainNetwork,
): Promise<PaymentRequirements> {
  const response = await provider.fetch(CHANNEL_PATH, {
    method: 'POST',
    signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
  });
  if (isTemporary(response.status)) throw await refusedForNow(response, provider.peer);
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

/** Nothing is signed by then, so that the request goes to another provider, or to this one later. */
async function refusedForNow(response: Response, peer: string): Promise<AppError> {
  const code = refusalCode(await readBody(response));
  if (response.status === 503 || isPauseCode(code)) return pausedError(peer, code);
  return new AppError('busy', 'The provider answers no questions about payment right now.', {
    details: { peer },
  });
}
