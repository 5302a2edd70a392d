/** Statements by which a peer key and a payout address vouch for each other, as offers carry them. */
import { z } from 'zod';

const hex = (bytes: number) => z.string().regex(new RegExp(`^0x[0-9a-fA-F]{${bytes * 2}}$`));
const peerSchema = z.string().min(1).max(200);
/** Seconds since the epoch, as in the claims of a JWT. */
export const secondsSchema = z
  .number()
  .int()
  .min(0)
  .max(2 ** 40);
export const addressSchema = hex(20);
/** Of a secp256k1 key, with its recovery byte. */
export const walletSignatureSchema = hex(65);
/** Longest signature of a contract wallet, in bytes: such as of a few owners of one. */
const CONTRACT_SIGNATURE_BYTES_MAX = 640;
/** Of a secp256k1 key, or one that a contract wallet accepts (ERC-1271). */
export const bindingSignatureSchema = z
  .string()
  .regex(new RegExp(`^0x([0-9a-fA-F]{2}){65,${CONTRACT_SIGNATURE_BYTES_MAX}}$`));

/** Signature of a payout address whose key isn't on the machine, with the times that it signed. */
export const signedBindingSchema = z.object({
  peer: peerSchema,
  payout: addressSchema,
  fromSeconds: secondsSchema,
  untilSeconds: secondsSchema,
  signature: bindingSignatureSchema,
});
export type SignedBinding = z.infer<typeof signedBindingSchema>;
/** The same before it is signed. */
export const bindingTermsSchema = signedBindingSchema.omit({ signature: true });
export type BindingTerms = z.infer<typeof bindingTermsSchema>;

/** Characters of a binding. */
export const BINDING_CHARACTERS_MAX = 4_096;
/** Former peers that an offer names: the latest. */
export const FORMER_PEERS_MAX = 4;

const statementShape = {
  /** The peer ID that is no longer in use. */
  peer: peerSchema,
  /** The address that this peer was bound to. */
  payout: addressSchema,
  atSeconds: secondsSchema,
  /** EIP-712 signature of the address. */
  walletSignature: walletSignatureSchema,
};

export const formerPeerSchema = z.discriminatedUnion('kind', [
  /** The owner has moved to another key: the address and the former key say so. */
  z.object({
    kind: z.literal('succeeded'),
    ...statementShape,
    successor: peerSchema,
    /** Compact JWS of the former key over `{ successor, payout, atSeconds }`. */
    peerSignature: z.string().max(1_024),
  }),
  /** The owner has lost the key, or somebody else has it: only the address says so. */
  z.object({ kind: z.literal('revoked'), ...statementShape }),
]);
export type FormerPeer = z.infer<typeof formerPeerSchema>;
