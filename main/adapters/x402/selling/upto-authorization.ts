/** A payment of x402's scheme `upto`: a permit that is used once, for any part of its amount. Its shape and its signature. */
import { z } from 'zod';
import type { ChainNetwork } from '../../../ports/chain.ts';
import { PERMIT2_ADDRESS } from '../../../ports/contracts.ts';
import type { Hex, RecoverSigner } from '../../../ports/evm.ts';
import { addressSchema, requirementSchema, unitsSchema, wordSchema } from '../wire.ts';
import { keySignatureSchema, type SchemePayload } from './scheme-payload.ts';
import { createSignatureCheck } from './typed-signature.ts';

export const UPTO = 'upto';
/** Extension of x402: an EIP-2612 permit by which a payer allows Permit2 to move its token, at no cost for the payer. */
export const GASLESS_PERMIT = 'eip2612GasSponsoring';

const permitSchema = z.object({
  from: addressSchema,
  permitted: z.object({ token: addressSchema, amount: unitsSchema }),
  spender: addressSchema,
  nonce: wordSchema,
  deadline: unitsSchema,
  witness: z.object({ to: addressSchema, facilitator: addressSchema, validAfter: unitsSchema }),
});
/** The permit that the payer signed. Times in seconds since the epoch. */
export type UptoPermit = z.infer<typeof permitSchema>;

const gaslessSchema = z.object({
  info: z.object({ amount: wordSchema, deadline: wordSchema, signature: keySignatureSchema }),
});
/** An EIP-2612 permit. Only the chain verifies it: one for something else changes nothing there. */
export type GaslessPermit = z.infer<typeof gaslessSchema>['info'];

const uptoSchema = z.object({
  x402Version: z.literal(2),
  accepted: requirementSchema.extend({ scheme: z.literal(UPTO) }),
  payload: z.object({ signature: keySignatureSchema, permit2Authorization: permitSchema }),
  extensions: z
    .object({
      // A client may repeat what it was offered without a permit of its own.
      [GASLESS_PERMIT]: gaslessSchema.optional().catch(undefined),
    })
    .optional(),
});

/** A payment of valid shape; its content isn't verified. */
export interface UptoPayment {
  readonly accepted: z.infer<typeof uptoSchema>['accepted'];
  readonly signature: Hex;
  readonly permit: UptoPermit;
  /** Null for a payer that has approved Permit2 on the chain. */
  readonly gasless: GaslessPermit | null;
}

/** Returns the payment, or `malformed`. */
export function readUptoPayment(decoded: SchemePayload): UptoPayment | 'malformed' {
  const parsed = uptoSchema.safeParse(decoded);
  if (!parsed.success) return 'malformed';
  const { accepted, payload, extensions } = parsed.data;
  return {
    accepted,
    signature: payload.signature as Hex,
    permit: payload.permit2Authorization,
    gasless: extensions?.[GASLESS_PERMIT]?.info ?? null,
  };
}

const TYPES = {
  PermitWitnessTransferFrom: [
    { name: 'permitted', type: 'TokenPermissions' },
    { name: 'spender', type: 'address' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
    { name: 'witness', type: 'Witness' },
  ],
  TokenPermissions: [
    { name: 'token', type: 'address' },
    { name: 'amount', type: 'uint256' },
  ],
  Witness: [
    { name: 'to', type: 'address' },
    { name: 'facilitator', type: 'address' },
    { name: 'validAfter', type: 'uint256' },
  ],
};

/** Returns a function that returns true if the payer's key signed the permit for this network. */
export function permitCheck({ chainId }: Pick<ChainNetwork, 'chainId'>, recoverSigner: RecoverSigner) {
  return createSignatureCheck<Pick<UptoPayment, 'permit' | 'signature'>>({
    domain: { name: 'Permit2', chainId, verifyingContract: PERMIT2_ADDRESS },
    types: TYPES,
    recoverSigner,
    signedOf({ permit, signature }) {
      const { permitted, witness, spender, nonce, deadline, from } = permit;
      const message = {
        permitted: { ...permitted, token: permitted.token.toLowerCase() },
        spender: spender.toLowerCase(),
        nonce,
        deadline,
        witness: {
          ...witness,
          to: witness.to.toLowerCase(),
          facilitator: witness.facilitator.toLowerCase(),
        },
      };
      return { signer: from, message, signature };
    },
  });
}
