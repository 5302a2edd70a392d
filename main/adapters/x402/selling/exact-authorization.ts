/** A payment of x402's scheme `exact` as a signed transfer of the token (EIP-3009): its shape and its signature. */
import type { PaymentPayload } from '@x402/core/types';
import { z } from 'zod';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { Hex, RecoverSigner } from '../../../ports/evm.ts';
import { addressSchema, channelIdSchema, requirementSchema, unitsSchema } from '../wire.ts';
import { keySignatureSchema, type SchemePayload } from './scheme-payload.ts';
import { createSignatureCheck } from './typed-signature.ts';

export const EXACT = 'exact';

const authorizationSchema = z.object({
  from: addressSchema,
  to: addressSchema,
  value: unitsSchema,
  validAfter: unitsSchema,
  validBefore: unitsSchema,
  nonce: channelIdSchema,
});
/** The transfer that the payer signed. Times in seconds since the epoch. */
export type Authorization = z.infer<typeof authorizationSchema>;

const exactSchema = z.object({
  x402Version: z.literal(2),
  accepted: requirementSchema.extend({ scheme: z.literal(EXACT) }),
  payload: z.object({
    signature: keySignatureSchema,
    authorization: authorizationSchema,
  }),
});

/** A payment of valid shape; its content isn't verified. */
export interface ExactPayment {
  readonly accepted: z.infer<typeof exactSchema>['accepted'];
  readonly signature: Hex;
  readonly authorization: Authorization;
  /** As received, with the fields that a facilitator lists the service by. */
  readonly payload: PaymentPayload;
}

/** Returns the payment, or `malformed`. */
export function readExactPayment(decoded: SchemePayload): ExactPayment | 'malformed' {
  const parsed = exactSchema.safeParse(decoded);
  if (!parsed.success) return 'malformed';
  const { accepted, payload } = parsed.data;
  return {
    accepted,
    signature: payload.signature as Hex,
    authorization: payload.authorization,
    payload: decoded,
  };
}

/** Identifies a payment: each nonce of a payer is taken once, by the token or by Permit2. */
export function referenceOf({ from, nonce }: Pick<Authorization, 'from' | 'nonce'>): string {
  return `${from}:${nonce}`.toLowerCase();
}

const TYPES = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
};

/** Returns a function that returns true if the payer's key signed the transfer of this network's token. */
export function authorizationCheck({ token, chainId }: ChainNetwork, recoverSigner: RecoverSigner) {
  return createSignatureCheck<Pick<ExactPayment, 'authorization' | 'signature'>>({
    domain: { ...token.eip712, chainId, verifyingContract: token.address },
    types: TYPES,
    recoverSigner,
    signedOf({ authorization, signature }) {
      const { from, to } = authorization;
      const message = { ...authorization, from: from.toLowerCase(), to: to.toLowerCase() };
      return { signer: from, message, signature };
    },
  });
}
