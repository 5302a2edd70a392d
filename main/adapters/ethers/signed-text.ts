/** Verifies a signed text (EIP-191), by which a payout address vouches for a peer. */
import { verifyMessage } from 'ethers';

/** True when the address's key signed exactly this text. Never throws. */
export function signedBy(address: string, text: string, signature: string): boolean {
  try {
    return verifyMessage(text, signature).toLowerCase() === address.toLowerCase();
  } catch {
    // A malformed signature counts as a wrong one.
    return false;
  }
}
