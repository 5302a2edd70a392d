/** The payout address says that a peer may be paid through it (EIP-191), as `shared/offer.ts` describes. */
import { verifyMessage } from 'ethers';
import type { Account, Hex } from '../../ports/evm.ts';

/** The signed sentence; the expiry is in milliseconds since the epoch. */
export function payoutSentence(peer: string, expiresAtMs: number): string {
  return `Idlewatt peer ${peer} until ${expiresAtMs}`;
}

export function signPayoutProof(payout: Account, peer: string, expiresAtMs: number): Promise<Hex> {
  return payout.signMessage(payoutSentence(peer, expiresAtMs));
}

/** Whether `proof` is the payout address's signature over this peer and expiry. Never throws. */
export function verifyPayoutProof(proof: string, payout: string, peer: string, expiresAtMs: number): boolean {
  try {
    const signer = verifyMessage(payoutSentence(peer, expiresAtMs), proof);
    return signer.toLowerCase() === payout.toLowerCase();
  } catch {
    // A malformed signature proves as little as a wrong one.
    return false;
  }
}
