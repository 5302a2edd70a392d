/** Schemas that validate x402 data before any library reads it, and library types that x402 doesn't export by name. */
import { decodePaymentSignatureHeader } from '@x402/core/http';
import type { PaymentPayload } from '@x402/core/types';
import type { BatchSettlementEvmSchemeServerConfig } from '@x402/evm/batch-settlement/server';
import { z } from 'zod';
import { isDeepJson } from '../../../shared/json.ts';

export type { ClientChannelStorage } from '@x402/evm/batch-settlement/client';
export type ChannelStorage = NonNullable<BatchSettlementEvmSchemeServerConfig['storage']>;
export type Channel = NonNullable<Awaited<ReturnType<ChannelStorage['get']>>>;
export type ChannelConfig = Channel['channelConfig'];

export const SCHEME = 'batch-settlement';

/** Longer headers are rejected without being decoded. */
export const PAYMENT_HEADER_BYTES_MAX = 8_192;
const UINT128_MAX = 2n ** 128n - 1n;
const UINT40_MAX = 2 ** 40 - 1;

export const addressSchema = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
export const channelIdSchema = z.string().regex(/^0x[0-9a-fA-F]{64}$/);

/** The key of a channel's record: its validated ID in lower case. */
export function channelKey(channelId: string): string {
  return channelIdSchema.parse(channelId).toLowerCase();
}

export const bytesSchema = z.string().regex(/^0x([0-9a-fA-F]{2}){0,1024}$/);
/** Base units in the contract's range. */
export const unitsSchema = z
  .string()
  .refine((text) => /^\d{1,39}$/.test(text) && BigInt(text) <= UINT128_MAX, 'an integer of 128 bits');

export const channelConfigSchema = z.object({
  payer: addressSchema,
  payerAuthorizer: addressSchema,
  receiver: addressSchema,
  receiverAuthorizer: addressSchema,
  token: addressSchema,
  withdrawDelay: z.number().int().nonnegative().max(UINT40_MAX),
  salt: channelIdSchema,
});

/** {@link ChannelConfig} as received: only its shape is validated. */
export type ChannelTerms = z.infer<typeof channelConfigSchema>;

export const requirementSchema = z.object({
  scheme: z.string(),
  network: z.string().regex(/^[^:]+:.+$/),
  asset: addressSchema,
  amount: unitsSchema,
  payTo: addressSchema,
  maxTimeoutSeconds: z.number().int().nonnegative(),
  extra: z.record(z.string(), z.unknown()),
});

const voucherSchema = z.object({
  channelId: channelIdSchema,
  maxClaimableAmount: unitsSchema,
  signature: bytesSchema,
});

const erc3009Schema = z.object({
  validAfter: unitsSchema,
  validBefore: unitsSchema,
  salt: z.string().regex(/^0x[0-9a-fA-F]{1,64}$/),
  signature: bytesSchema,
});

export const wordSchema = z
  .string()
  .refine((text) => /^(?:0|[1-9]\d{0,77})$/.test(text) && BigInt(text) < 2n ** 256n);

const permit2Schema = z.object({
  from: addressSchema,
  permitted: z.object({ token: addressSchema, amount: unitsSchema }),
  spender: addressSchema,
  nonce: wordSchema,
  deadline: wordSchema,
  witness: z.object({ channelId: channelIdSchema }),
  signature: bytesSchema,
});

const voucherPayloadSchema = z.object({
  type: z.literal('voucher'),
  channelConfig: channelConfigSchema,
  voucher: voucherSchema,
});

const paymentSchema = z.object({
  x402Version: z.literal(2),
  accepted: requirementSchema,
  payload: z.discriminatedUnion('type', [
    voucherPayloadSchema,
    z.object({
      type: z.literal('deposit'),
      channelConfig: channelConfigSchema,
      voucher: voucherSchema,
      deposit: z.object({
        amount: unitsSchema,
        authorization: z.union([
          z.object({ erc3009Authorization: erc3009Schema }),
          z.object({ permit2Authorization: permit2Schema }),
        ]),
      }),
    }),
    z.object({
      type: z.literal('refund'),
      channelConfig: channelConfigSchema,
      voucher: voucherSchema,
      amount: unitsSchema.optional(),
    }),
  ]),
});

/** A payment of valid shape; its content isn't verified. */
export type Payment = PaymentPayload & z.infer<typeof paymentSchema>;

/** Returns the payload if it is a plain voucher (no deposit, no refund), otherwise null. */
export function parseVoucher(payload: unknown): z.infer<typeof voucherPayloadSchema> | null {
  const parsed = voucherPayloadSchema.safeParse(payload);
  return parsed.success ? parsed.data : null;
}

/** Throws a SyntaxError for a header (base64 of JSON) that nests deeply, before the library decodes it. */
export function assertFlatHeader(header: string): void {
  if (isDeepJson(Buffer.from(header, 'base64').toString('latin1')))
    throw new SyntaxError('The header nests too deeply.');
}

/** Decodes a payment header; null when it isn't a valid payment. */
export function parsePayment(header: string): Payment | null {
  if (header.length > PAYMENT_HEADER_BYTES_MAX) return null;
  try {
    assertFlatHeader(header);
    const parsed = paymentSchema.safeParse(decodePaymentSignatureHeader(header));
    return parsed.success ? (parsed.data as Payment) : null;
  } catch {
    // Neither base64 nor JSON: the caller reports it in its response.
    return null;
  }
}
