/** Refuses requests while no job can begin: a requester may try elsewhere, or again after the time in `Retry-After`. */
import { assertNever } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Presence, STORAGE_REASONS } from '../../../shared/presence.ts';
import type { Availability } from '../../ports/model-engines.ts';
import { storageFaultOf } from '../../ports/storage.ts';

export const RETRY_PAUSED_S = 60;
export const RETRY_STARTING_S = 5;
/** About the time of an answer. */
const RETRY_NO_MEMORY_S = 10;

export function paused(reason: string, retryAfterS: number, cause?: unknown): AppError {
  return new AppError('paused', `This provider is paused (${reason}). See Retry-After.`, {
    cause,
    details: { reason, retryAfterS, code: `paused_${reason.replaceAll('-', '_')}` },
  });
}

/** Reports a disk that takes no records as a pause: the request may be sent to another provider, or again later. */
export async function pausedByStorage(response: Promise<Response>): Promise<Response> {
  try {
    return await response;
  } catch (error) {
    const fault = storageFaultOf(error);
    throw fault === null ? error : paused(fault, RETRY_PAUSED_S, error);
  }
}

/**
 * Takes no payments that couldn't be recorded; other pauses leave channels open. Also called when the payment library
 * refuses: it swallows the failure of a write and blames the payment.
 */
export function refuseDuringFault({ reason }: Presence): void {
  const isFault = (STORAGE_REASONS as readonly string[]).includes(reason);
  if (isFault) throw paused(reason, RETRY_PAUSED_S);
}

/**
 * Returns the number of answers at a time; 0 for a model that isn't served. Fails with `paused` or `engine-gave-up` if no
 * job can begin.
 */
export function slotsOf(availability: Availability): number {
  switch (availability.kind) {
    case 'available':
      return availability.slots;
    case 'unknown':
      return 0;
    case 'starting':
      throw paused('starting', RETRY_STARTING_S);
    case 'gave-up':
      throw new AppError('engine-gave-up', 'The engine has stopped for good.');
    case 'no-memory':
      throw paused('no-memory', RETRY_NO_MEMORY_S);
    default:
      return assertNever(availability);
  }
}
