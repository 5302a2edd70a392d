/** Parts of identities for tests that are about something else. */
import { verifyTypedData } from '../../main/adapters/ethers/index.ts';
import { didOf, verifySigned } from '../../main/adapters/libp2p/index.ts';
import type { Bindings, OfferChecks } from '../../main/core/identity/index.ts';
import type { Clock } from '../../main/ports/clock.ts';

/** A provider without its payout address's key. */
export const UNBOUND: Bindings = { current: async () => null };

/** The checks of the agent. */
export function offerChecks(clock: Clock): OfferChecks {
  return { verifySigned, verifyTypedData, didOf, clock };
}
