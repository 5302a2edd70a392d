/** Whose key signed a text (EIP-191); how a payout address vouches for a peer. */
import { verifyMessage } from 'ethers';

/** Whether the address's key signed exactly this text. Never throws. */
export function signedBy(address: string, text: string, signature: string): boolean {
  try {
    return verifyMessage(text, signature).toLowerCase() === address.toLowerCase();
  } catch {
    // A malformed signature proves as little as a wrong one.
    return false;
  }
}
