/**
 * Limits the transactions that requesters make this provider send: each deposit and each refund costs it a network
 * fee. A transaction of a channel that has been used for jobs is paid for and isn't limited.
 */
import type { Clock } from '../../ports/clock.ts';
import type { Admission, PaidRequest, PaymentGate } from '../../ports/payments.ts';
import { createRateLimit } from './rate-limit.ts';

export interface ChainWorkLimits {
  /** Deposits and refunds per peer and hour. */
  readonly chainWorkPerPeerMax: number;
  /** Deposits and refunds of all peers per hour that were sent to the chain. */
  readonly chainWorkMax: number;
}

/** Passes a request to the gate. Fails with `busy` if it needs the chain and a limit is reached. */
export type AdmitPayment = (peer: string, request: PaidRequest) => Promise<Admission>;

const HOUR_MS = 3_600_000;
const ALL = 'all';

export function limitChainWork(gate: PaymentGate, clock: Clock, limits: ChainWorkLimits): AdmitPayment {
  const window = { clock, windowMs: HOUR_MS };
  const perPeer = createRateLimit({
    ...window,
    eventsMax: limits.chainWorkPerPeerMax,
    message: 'This peer has reached its limit of deposits and refunds per hour. See Retry-After.',
  });
  const total = createRateLimit({
    ...window,
    eventsMax: limits.chainWorkMax,
    message: 'This provider has reached its limit of deposits and refunds per hour. See Retry-After.',
  });
  return async (peer, request) => {
    const work = gate.chainWork(request);
    if (work === null || work.isPaidFor) return gate.admit(request);
    perPeer.check(peer);
    total.check(ALL);
    // An attempt counts for the peer even if it fails: verifying it costs calls to the chain.
    perPeer.note(peer);
    const admission = await gate.admit(request);
    if (wasSent(admission)) total.note(ALL);
    return admission;
  };
}

function wasSent(admission: Admission): boolean {
  if (admission.kind === 'admitted') return true;
  return admission.reason === 'channel-ready' || admission.reason === 'channel-refunded';
}
