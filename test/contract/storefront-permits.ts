/** For tests: permits of x402's scheme `upto`, signed here, sound or bent. */
import assert from 'node:assert/strict';
import { decodePaymentRequiredHeader, encodePaymentSignatureHeader } from '@x402/core/http';
import tokenArtifact from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import { practiceNetwork } from '../../main/adapters/anvil/practice-network.ts';
import { createSender } from '../../main/adapters/ethers/index.ts';
import { PERMIT2_ADDRESS, UPTO_PROXY_ADDRESS } from '../../main/ports/contracts.ts';
import type { Hex } from '../../main/ports/evm.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { PAYMENT_HEADER, PAYMENT_REQUIRED_HEADER } from '../../shared/wire.ts';
import type { StorefrontMarket } from './storefront-market.ts';
import { post, REQUEST, type Shop } from './storefront-payers.ts';

/** The offer for a request without a payment. */
export async function offered(at: Shop, body: object = REQUEST) {
  const response = await post(at, {}, body);
  const { accepts } = decodePaymentRequiredHeader(response.headers.get(PAYMENT_REQUIRED_HEADER) ?? '');
  return {
    exact: accepts.find(({ scheme }) => scheme === 'exact'),
    upto: accepts.find(({ scheme }) => scheme === 'upto'),
    schemes: accepts.map(({ scheme }) => scheme),
  };
}

type Requirement = NonNullable<Awaited<ReturnType<typeof offered>>['upto']>;

/** Differences from a sound permit. */
export interface Bent {
  readonly accepted?: Partial<Requirement>;
  readonly permit?: Record<string, unknown>;
  readonly witness?: Record<string, string>;
  /** An EIP-2612 permit that goes with it. */
  readonly gasless?: { readonly amount: string; readonly deadline: string; readonly signature: string };
  /** Changes what is sent after it was signed. */
  readonly afterwards?: Record<string, unknown>;
}

let nonces = 0;

/** A payment header, sound unless it is bent. */
export async function permitted(
  { funds }: WalletAccounts,
  requirement: Requirement | undefined,
  bent: Bent = {},
): Promise<Record<string, string>> {
  const accepted = { ...(requirement ?? assert.fail('upto is offered')), ...bent.accepted };
  nonces += 1;
  const permit = {
    permitted: { token: accepted.asset, amount: accepted.amount },
    spender: UPTO_PROXY_ADDRESS,
    nonce: String(nonces),
    deadline: String(Math.floor(Date.now() / 1_000) + accepted.maxTimeoutSeconds),
    ...bent.permit,
    witness: {
      to: accepted.payTo,
      facilitator: accepted.extra.facilitatorAddress,
      validAfter: '0',
      ...bent.witness,
    },
  };
  const field = (name: string, type: string) => ({ name, type });
  const signature = await funds.signTypedData({
    domain: { name: 'Permit2', chainId: practiceNetwork('').chainId, verifyingContract: PERMIT2_ADDRESS },
    types: {
      PermitWitnessTransferFrom: [
        field('permitted', 'TokenPermissions'),
        field('spender', 'address'),
        field('nonce', 'uint256'),
        field('deadline', 'uint256'),
        field('witness', 'Witness'),
      ],
      TokenPermissions: [field('token', 'address'), field('amount', 'uint256')],
      Witness: [field('to', 'address'), field('facilitator', 'address'), field('validAfter', 'uint256')],
    },
    primaryType: 'PermitWitnessTransferFrom',
    message: permit,
  });
  const payload = { signature, permit2Authorization: { from: funds.address, ...permit, ...bent.afterwards } };
  const extensions = bent.gasless && { eip2612GasSponsoring: { info: bent.gasless } };
  const header = encodePaymentSignatureHeader({ x402Version: 2, accepted, payload, extensions } as never);
  return { [PAYMENT_HEADER]: header };
}

/** A buyer that has allowed Permit2 to move its token. */
export async function approvedBuyer(at: StorefrontMarket, minted: bigint): Promise<WalletAccounts> {
  const buyer = await at.buyer(minted);
  const sender = createSender(at.node, buyer.funds);
  const hash = await sender.writeContract(tokenCall(at, 'approve', [PERMIT2_ADDRESS, minted]));
  await sender.waitForReceipt(hash);
  return buyer;
}

/** A call of the practice chain's token. */
export const tokenCall = (at: StorefrontMarket, functionName: string, args: readonly unknown[]) => ({
  address: at.chain.network.token.address as Hex,
  abi: tokenArtifact.abi,
  ...{ functionName, args },
});
