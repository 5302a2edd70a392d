/**
 * Reads what a request claims to be signed by, in Bittensor's two forms: `btauth/1` of version 11 in headers of any HTTP
 * request, and the call of a synapse by the dendrite of version 10. Nothing of it counts before the signature is verified.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { bittensorHotkeySchema } from '../../../shared/bittensor.ts';
import { AppError } from '../../../shared/errors.ts';
import { BTAUTH_HEADERS, BTAUTH_PROTOCOL, SYNAPSE_HEADERS } from '../../../shared/wire.ts';
import type { Nonce } from './nonces.ts';

export interface Claim {
  readonly sender: string;
  readonly receiver: string;
  readonly nonce: Nonce;
  /** 64 bytes in hex. */
  readonly signature: string;
}

export interface SynapseClaim extends Claim {
  /** Name that the caller gave itself. */
  readonly uuid: string;
}

const SCHEME = 'sr25519';
const nonceSchema = z
  .string()
  .regex(/^\d{1,20}$/)
  .transform(BigInt);
const signatureSchema = z
  .string()
  .regex(/^(0x)?[0-9a-fA-F]{128}$/)
  .transform((text) => text.slice(-128));

const btauthSchema = z.object({
  version: z.literal('1'),
  sender: bittensorHotkeySchema,
  receiver: bittensorHotkeySchema,
  nonce: nonceSchema,
  scheme: z.literal(SCHEME).nullable(),
  signature: signatureSchema,
});

const synapseSchema = z.object({
  sender: bittensorHotkeySchema,
  receiver: bittensorHotkeySchema,
  nonce: nonceSchema,
  uuid: z.string().regex(/^[\w-]{1,64}$/),
  signature: signatureSchema,
});

/** Fails with `not-permitted`. */
export function readBtauth(headers: Headers): Claim {
  const names = BTAUTH_HEADERS;
  const { sender, receiver, nonce, signature } = read(btauthSchema, {
    version: headers.get(names.version),
    sender: headers.get(names.sender),
    receiver: headers.get(names.receiver),
    nonce: headers.get(names.nonce),
    scheme: headers.get(names.scheme),
    signature: headers.get(names.signature),
  });
  return { sender, receiver, nonce: { ns: nonce, id: '' }, signature };
}

/** Fails with `not-permitted`. */
export function readSynapse(headers: Headers): SynapseClaim {
  const names = SYNAPSE_HEADERS;
  const { sender, receiver, nonce, uuid, signature } = read(synapseSchema, {
    sender: headers.get(names.sender),
    receiver: headers.get(names.receiver),
    nonce: headers.get(names.nonce),
    uuid: headers.get(names.uuid),
    signature: headers.get(names.signature),
  });
  return { sender, receiver, nonce: { ns: nonce, id: uuid }, signature, uuid };
}

/** Text that the sender of a request has signed, with the body as it was received. */
export function btauthMessage(
  { sender, receiver, nonce }: Claim,
  request: { readonly method: string; readonly target: string; readonly body: Uint8Array },
): string {
  const { method, target, body } = request;
  const hash = createHash('sha256').update(body).digest('hex');
  return [BTAUTH_PROTOCOL, SCHEME, method.toUpperCase(), target, hash, nonce.ns, sender, receiver].join('\n');
}

/** The same for a synapse, with the hash of its content. */
export function synapseMessage({ sender, receiver, nonce, uuid }: SynapseClaim, hash: string): string {
  return [nonce.ns, sender, receiver, uuid, hash].join('.');
}

function read<Shape>(schema: z.ZodType<Shape>, given: unknown): Shape {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const names = parsed.error.issues.map(({ path }) => path.join('.')).join(', ');
  throw new AppError(
    'not-permitted',
    `Sign the request with a Bittensor hotkey (${SCHEME}). Missing or malformed: ${names}.`,
    { details: { code: 'signature_missing' } },
  );
}
