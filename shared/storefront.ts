/** The storefront as the owner sets it up and as pages show it. */
import { z } from 'zod';

/** Port that is used unless the owner chooses another one. */
export const STOREFRONT_PORT = 8_402;
export const STOREFRONT_URL_CHARACTERS_MAX = 200;

/** HTTPS, because API keys and payments are sent; HTTP on this machine only. Without a slash at its end. */
export const STOREFRONT_URL =
  /^(https:\/\/[a-z0-9.-]+|http:\/\/(127\.0\.0\.1|localhost))(:\d{1,5})?(\/[\w.~-]+)*$/;
export const storefrontUrlSchema = z.string().max(STOREFRONT_URL_CHARACTERS_MAX).regex(STOREFRONT_URL);

export const STOREFRONT_STATES = [
  'unavailable', // this network has no payments
  'off',
  'open',
  'port-in-use',
  'failed', // for a reason that the log names
] as const;

/** A certificate that is obtained and renewed by ACME. */
export const certificateStateSchema = z.object({
  domain: z.string(),
  /** Null until the first one was obtained. It may have passed. */
  expiresAtMs: z.number().nullable(),
  /** Reason why the last order failed, and when the next one is due; null after a success. */
  problem: z.string().nullable(),
  nextTryAtMs: z.number().nullable(),
});
export type CertificateState = z.infer<typeof certificateStateSchema>;

export const storefrontStateSchema = z.object({
  state: z.enum(STOREFRONT_STATES),
  /** Address on which it listens; null while it isn't open. */
  address: z.string().nullable(),
  /** Address that it names to buyers. */
  publicUrl: z.string().nullable(),
  /** True where the command line turned it on, which the settings then can't change. */
  isFixed: z.boolean(),
  /** Null unless the command line asked for certificates by ACME. */
  certificate: certificateStateSchema.nullable(),
});
export type StorefrontState = z.infer<typeof storefrontStateSchema>;
