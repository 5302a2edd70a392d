/**
 * Tells a client whether to try again: a model whose providers restart is missing for a moment, which a 404 would make
 * final. Also bounds the requests in progress.
 */
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Directory } from '../network/index.ts';

/** Requests of all clients in progress or waiting; each may hold a body and a response of about a megabyte. */
const REQUESTS_MAX = 64;
/** A model counts as missing for a moment if it was offered this recently. */
const OFFERED_MS_MAX = 600_000;
/** After a start, peers are still being found. */
const STARTING_MS = 60_000;
const RETRY_BUSY_S = 2;
const RETRY_AWAY_S = 5;
const RETRY_RESTART_S = 30;

export interface Availability {
  /** Returns the error for the client: `no-provider` instead of one that is final, if trying again may help. */
  explain(error: unknown, modelId: string): unknown;
  /** Takes a place and returns the function that frees it; fails with `busy`. */
  enter(): () => void;
  /** Fails with `busy` while requests are refused. */
  check(): void;
  /** Refuses requests until the returned function is called. */
  refuse(): () => void;
  /** Number of places that are taken. */
  taken(): number;
}

export function createAvailability(
  directory: Pick<Directory, 'providers' | 'offeredWithin'>,
  clock: Clock,
  requestsMax: number = REQUESTS_MAX,
): Availability {
  const startedAtMs = clock.monotonic();
  let taken = 0;
  let isRefusing = false;

  function check(): void {
    if (!isRefusing) return;
    const message = `Idlewatt is about to restart. Retry in ${RETRY_RESTART_S} s.`;
    throw new AppError('busy', message, { details: { retryAfterS: RETRY_RESTART_S } });
  }

  function mayComeBack(error: AppError, modelId: string): boolean {
    if (error.code === 'peer-unreachable') return true;
    if (error.code !== 'model-unavailable') return false;
    const isStarting = clock.monotonic() - startedAtMs < STARTING_MS && directory.providers().length === 0;
    return isStarting || directory.offeredWithin(modelId, OFFERED_MS_MAX);
  }

  return {
    explain(error, modelId) {
      if (!isAppError(error) || !mayComeBack(error, modelId)) return error;
      const message = `No provider of that model can be reached right now. Retry in ${RETRY_AWAY_S} s.`;
      return new AppError('no-provider', message, { cause: error, details: { retryAfterS: RETRY_AWAY_S } });
    },
    taken: () => taken,
    check,
    refuse() {
      isRefusing = true;
      return () => {
        isRefusing = false;
      };
    },
    enter() {
      check();
      if (taken >= requestsMax) {
        const message = `The gateway has reached its limit of ${requestsMax} concurrent requests.`;
        throw new AppError('busy', message, { details: { retryAfterS: RETRY_BUSY_S } });
      }
      taken += 1;
      let isFree = false;
      return () => {
        if (!isFree) taken -= 1;
        isFree = true;
      };
    },
  };
}
