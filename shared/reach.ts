/** Ways in which this machine finds others and is reached by them, as the page Network shows them. */
import { z } from 'zod';

/**
 * `off`: the owner doesn't want it, or has named an address or port. `asking`: the router is asked. `open`: it leads a port
 * here. The others are reasons why it doesn't: `no-router`: nothing answered. `refused`: the router doesn't allow it.
 * `permanent-only`: it would keep the port open for ever. `invalid`: its answers make no sense. `no-public-address`: the
 * router has no address on the internet itself.
 */
export const portOpeningSchema = z.object({
  state: z.enum([
    'off',
    'asking',
    'open',
    'no-router',
    'refused',
    'permanent-only',
    'invalid',
    'no-public-address',
  ]),
  /** Null unless it is open. */
  by: z.enum(['upnp', 'nat-pmp']).nullable(),
  /** The router's port; null unless it is open. */
  port: z.number().int().nullable(),
});
export type PortOpeningState = z.infer<typeof portOpeningSchema>;

/** See `Ways` in main/ports/network.ts. */
export const waysSchema = z.object({
  neighbors: z.number().int(),
  /** Of the public nodes that the owner or the command line named: all, and those that are connected. */
  publicNodes: z.number().int(),
  publicNodesConnected: z.number().int(),
  /** Peers of earlier runs that this machine dials if nobody else is there. */
  remembered: z.number().int(),
  isPublicDhtUsed: z.boolean(),
  isLanSearched: z.boolean(),
  opening: portOpeningSchema,
  addresses: z.array(
    z.object({
      address: z.string(),
      kind: z.enum(['own', 'mapped', 'named']),
      result: z.enum(['untested', 'reached', 'unreached']),
    }),
  ),
  relays: z.array(
    z.object({
      peer: z.string(),
      address: z.string(),
      inBytes: z.number(),
      outBytes: z.number(),
      isLimited: z.boolean().nullable(),
      leftBytes: z.number().nullable(),
      roundTripMs: z.number().nullable(),
      /** Base units. */
      cost: z.object({ pricePerMegabyte: z.string(), paid: z.string() }).nullable(),
    }),
  ),
});
export type WaysState = z.infer<typeof waysSchema>;
