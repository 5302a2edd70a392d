/** The texts that a payout address signs about a peer (EIP-712): shown in full by wallets, and valid nowhere else. */
import type { TypedData } from '../../ports/evm.ts';

/** Without a chain ID: an address belongs to the same owner on every chain. */
const domain = { name: 'Idlewatt identity', version: '1' };

const TYPE_OF = {
  peer: 'string',
  successor: 'string',
  payout: 'address',
  fromSeconds: 'uint64',
  untilSeconds: 'uint64',
  atSeconds: 'uint64',
} as const;
type Field = keyof typeof TYPE_OF;

/** The order of the fields is a part of what is signed. */
function statement<Name extends Field>(
  primaryType: string,
  fields: readonly Name[],
  message: Readonly<Record<Name, string | number>>,
): TypedData {
  const members = fields.map((name) => ({ name, type: TYPE_OF[name] }));
  return { domain, primaryType, types: { [primaryType]: members }, message };
}

/** Binds the peer and the address to each other for a while. */
export function bindingStatement(message: {
  readonly peer: string;
  readonly payout: string;
  readonly fromSeconds: number;
  readonly untilSeconds: number;
}): TypedData {
  return statement('PeerBinding', ['peer', 'payout', 'fromSeconds', 'untilSeconds'], message);
}

/** Moves the good name of one peer to another one. */
export function successionStatement(message: {
  readonly peer: string;
  readonly successor: string;
  readonly payout: string;
  readonly atSeconds: number;
}): TypedData {
  return statement('PeerSuccession', ['peer', 'successor', 'payout', 'atSeconds'], message);
}

/** Ends the use of a peer key. */
export function revocationStatement(message: {
  readonly peer: string;
  readonly payout: string;
  readonly atSeconds: number;
}): TypedData {
  return statement('PeerRevocation', ['peer', 'payout', 'atSeconds'], message);
}
