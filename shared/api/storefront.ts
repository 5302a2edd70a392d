/** The API for the owner of a storefront: customers with a prepaid balance, blocked visitors, and reports of abuse. */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import { customerSchema } from '../customers.ts';
import { amountTextSchema } from '../money.ts';

const nothing = z.object({});
const idSchema = z.object({ id: z.string().max(100) });
const whoSchema = z.object({ who: z.string().max(100) });

/** Everything fails with `unsupported` while the storefront is off. */
export const storefrontContract = {
  customers: oc.input(nothing).output(z.object({ customers: z.array(customerSchema) })),
  /** The key is returned once. */
  addCustomer: oc
    .input(z.object({ name: z.string().trim().min(1).max(60) }))
    .output(z.object({ customer: customerSchema, secret: z.string() })),
  /** Adds to a balance what the customer paid to the owner elsewhere, in base units. */
  credit: oc
    .input(idSchema.extend({ amount: amountTextSchema }))
    .output(z.object({ customer: customerSchema })),
  revokeCustomer: oc.input(idSchema).output(nothing),
  blocked: oc
    .input(nothing)
    .output(z.object({ blocked: z.array(z.object({ who: z.string(), atMs: z.number() })) })),
  /** An IP address, or a payer's address on the chain. */
  block: oc.input(whoSchema).output(nothing),
  unblock: oc.input(whoSchema).output(nothing),
  reports: oc.input(nothing).output(
    z.object({
      reports: z.array(
        z.object({ id: z.string(), atMs: z.number(), text: z.string(), contact: z.string().optional() }),
      ),
    }),
  ),
};
