/**
 * Limits what requesters make this provider do on the chain. Each deposit and each refund costs it a network fee, and
 * each payment without a funded channel here costs calls to a node, which limits them, too: without calls, no claim
 * reaches the chain. A transaction of a channel that has been used for jobs is paid for and isn't limited.
 */
import { isAppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Admission, PaidRequest, PaymentGate } from '../../ports/payments.ts';
import { createRateLimit } from '../rate-limit/index.ts';
import type { Asking } from './admission.ts';

export interface ChainWorkLimits {
  /** Deposits and refunds per peer and hour. */
  readonly chainWorkPerPeerMax: number;
  /** Deposits and refunds of all peers per hour that were sent to the chain. */
  readonly chainWorkMax: number;
  /** Payments per minute that the chain is asked about and that come without money: of one peer, one subnet, and all. */
  readonly unfundedPerPeerMax: number;
  readonly unfundedPerSubnetMax: number;
  readonly unfundedMax: number;
}

/** Passes a request to the gate. Fails with `busy` if it needs the chain and a limit is reached. */
export type AdmitPayment = (asking: Asking, request: PaidRequest) => Promise<Admission>;

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
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
  const admitUnfunded = limitUnfunded(gate, clock, limits);
  return async (asking, request) => {
    const { peer } = asking;
    const work = gate.chainWork(request);
    if (work === null || work.isPaidFor) return gate.admit(request);
    if (work.kind === 'check') return admitUnfunded(asking, request);
    perPeer.check(peer);
    total.check(ALL);
    // An attempt counts for the peer even if it fails.
    perPeer.note(peer);
    const admission = await admitUnfunded(asking, request);
    if (wasSent(admission)) total.note(ALL);
    return admission;
  };
}

/** Limits the payments that turn out to be worth nothing. Each counts while it is checked, so that none gets in between. */
function limitUnfunded(gate: PaymentGate, clock: Clock, limits: ChainWorkLimits): AdmitPayment {
  const window = {
    clock,
    windowMs: MINUTE_MS,
    message: 'Too many payments without a funded channel were checked. See Retry-After.',
  };
  const perPeer = createRateLimit({ ...window, eventsMax: limits.unfundedPerPeerMax });
  const perSubnet = createRateLimit({ ...window, eventsMax: limits.unfundedPerSubnetMax });
  const total = createRateLimit({ ...window, eventsMax: limits.unfundedMax });
  return async ({ peer, subnet }, request) => {
    const limited = [
      { limit: perPeer, key: peer },
      ...(subnet === null ? [] : [{ limit: perSubnet, key: subnet }]),
      { limit: total, key: ALL },
    ];
    for (const { limit, key } of limited) limit.check(key);
    for (const { limit, key } of limited) limit.note(key);
    let counts = true;
    try {
      const admission = await gate.admit(request);
      counts = !wasSent(admission) && !wasNotChecked(admission);
      return admission;
    } catch (error) {
      counts = !isAppError(error, 'busy');
      throw error;
    } finally {
      if (!counts) for (const { limit, key } of limited) limit.takeBack(key);
    }
  };
}

function wasSent(admission: Admission): boolean {
  if (admission.kind === 'admitted') return true;
  return admission.reason === 'channel-ready' || admission.reason === 'channel-refunded';
}

/** True for a refusal before the chain was asked. */
function wasNotChecked(admission: Admission): boolean {
  return admission.kind === 'answered' && admission.reason === 'not-on-credit';
}
