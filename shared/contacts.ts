/** Hosts outside of this machine that Idlewatt contacted, each with its purpose. */
import { z } from 'zod';

/** `models`: downloads. `chain`: nodes of the blockchain. `payouts`: facilitators. `rates`: exchange rates. `peers`: other Idlewatt machines. `engines`: engine servers that the owner added. `directory`: nodes of the public DHT. `updates`: the feed of updates and its packages. `libraries`: libraries for GPUs that the owner wanted. `router`: the router of this network, asked for a port. `horde`: the AI Horde. `certificates`: the authority of the storefront's certificate. */
export const contactPurposeSchema = z.enum([
  'models',
  'chain',
  'payouts',
  'rates',
  'peers',
  'engines',
  'directory',
  'updates',
  'libraries',
  'router',
  'horde',
  'certificates',
  'other',
]);
export type ContactPurpose = z.infer<typeof contactPurposeSchema>;

export const contactSchema = z.object({
  /** Name or address, without port. */
  host: z.string().max(255),
  purpose: contactPurposeSchema,
  lastAtMs: z.number(),
  /** Requests or connections since the host was first seen. */
  count: z.number().int().positive(),
});
export type Contact = z.infer<typeof contactSchema>;
