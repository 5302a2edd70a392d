/** The texts that a payout address signs about a peer (EIP-712): shown in full by wallets, and valid nowhere else. */
import type { TypedData } from '../../ports/evm.ts';

/** Without a chain ID: an address is the same person on every chain. */
const domain = { name: 'Idlewatt identity', version: '1' };

/** Binds the peer and the address to each other for a while. */
export function bindingStatement(message: {
  readonly peer: string;
  readonly payout: string;
  readonly fromSeconds: number;
  readonly untilSeconds: number;
}): TypedData {
  return {
    domain,
    primaryType: 'PeerBinding',
    types: {
      PeerBinding: [
        { name: 'peer', type: 'string' },
        { name: 'payout', type: 'address' },
        { name: 'fromSeconds', type: 'uint64' },
        { name: 'untilSeconds', type: 'uint64' },
      ],
    },
    message,
  };
}

/** Moves the good name of one peer to another one. */
export function successionStatement(message: {
  readonly peer: string;
  readonly successor: string;
  readonly payout: string;
  readonly atSeconds: number;
}): TypedData {
  return {
    domain,
    primaryType: 'PeerSuccession',
    types: {
      PeerSuccession: [
        { name: 'peer', type: 'string' },
        { name: 'successor', type: 'string' },
        { name: 'payout', type: 'address' },
        { name: 'atSeconds', type: 'uint64' },
      ],
    },
    message,
  };
}

/** Ends the use of a peer key. */
export function revocationStatement(message: {
  readonly peer: string;
  readonly payout: string;
  readonly atSeconds: number;
}): TypedData {
  return {
    domain,
    primaryType: 'PeerRevocation',
    types: {
      PeerRevocation: [
        { name: 'peer', type: 'string' },
        { name: 'payout', type: 'address' },
        { name: 'atSeconds', type: 'uint64' },
      ],
    },
    message,
  };
}
