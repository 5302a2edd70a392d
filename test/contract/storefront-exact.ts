/** For tests: payments of x402's scheme `exact`, signed here, sound or bent. */
import { randomBytes } from 'node:crypto';
import { encodePaymentSignatureHeader } from '@x402/core/http';
import { practiceNetwork } from '../../main/adapters/anvil/practice-network.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { PAYMENT_HEADER } from '../../shared/wire.ts';

/** The part of a requirement that is signed; the rest is repeated. */
interface Requirement {
  readonly payTo: string;
  readonly amount: string;
}

/** Differences from a sound payment. */
export interface Bent {
  readonly accepted?: Partial<Requirement> & Record<string, unknown>;
  readonly authorization?: Record<string, string>;
  /** Changes what is sent after it was signed. */
  readonly afterwards?: Record<string, string>;
}

/** A payment header, sound unless it is bent. */
export async function exactly(
  { funds }: Pick<WalletAccounts, 'funds'>,
  requirement: Requirement,
  bent: Bent = {},
): Promise<Record<string, string>> {
  const accepted = { ...requirement, ...bent.accepted };
  const nowS = Math.floor(Date.now() / 1_000);
  const authorization = {
    from: funds.address as string,
    to: accepted.payTo,
    value: accepted.amount,
    validAfter: String(nowS - 60),
    validBefore: String(nowS + 100),
    nonce: `0x${randomBytes(32).toString('hex')}`,
    ...bent.authorization,
  };
  const { token, chainId } = practiceNetwork('');
  const field = (name: string, type: string) => ({ name, type });
  const signature = await funds.signTypedData({
    domain: { ...token.eip712, chainId, verifyingContract: token.address },
    types: {
      TransferWithAuthorization: [
        field('from', 'address'),
        field('to', 'address'),
        field('value', 'uint256'),
        field('validAfter', 'uint256'),
        field('validBefore', 'uint256'),
        field('nonce', 'bytes32'),
      ],
    },
    primaryType: 'TransferWithAuthorization',
    message: authorization,
  });
  const payload = { signature, authorization: { ...authorization, ...bent.afterwards } };
  return {
    [PAYMENT_HEADER]: encodePaymentSignatureHeader({ x402Version: 2, accepted, payload } as never),
  };
}
