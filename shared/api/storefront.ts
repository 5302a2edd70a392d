/** The API for the owner of a storefront: customers with a prepaid balance, blocked visitors, and reports of abuse. */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import {
  CUSTOMER_NAME_CHARACTERS_MAX,
  customerSchema,
  listedCustomerSchema,
  listedPayerSchema,
} from '../customers.ts';
import { amountTextSchema } from '../money.ts';
import { walletTransactionSchema } from './wallet.ts';

const nothing = z.object({});
const idSchema = z.object({ id: z.string().max(100) });
const whoSchema = z.object({ who: z.string().max(100) });

/** For the owner's terminal; part of `contract.shell`. */
export const storefrontShellContract = {
  /**
   * Adds to a balance what the customer paid to the owner elsewhere, in base units. Fails with `not-found`.
   */
  customerCredit: oc
    .input(idSchema.extend({ amount: amountTextSchema }))
    .output(z.object({ customer: customerSchema })),
  /**
   * Records that the owner paid this part of a customer's balance back outside of the wallet, in base units. Fails with
   * `bad-request` if less is left by now.
   */
  customerPaidBack: oc.input(idSchema.extend({ amount: amountTextSchema })).output(nothing),
};

/** Everything fails with `unsupported` while the storefront is off. No call pays anything out without a confirmation. */
export const storefrontContract = {
  customers: oc
    .input(nothing)
    .output(z.object({ customers: z.array(listedCustomerSchema), payers: z.array(listedPayerSchema) })),
  /** The key is returned once. */
  addCustomer: oc
    .input(z.object({ name: z.string().trim().min(1).max(CUSTOMER_NAME_CHARACTERS_MAX) }))
    .output(z.object({ customer: customerSchema, secret: z.string() })),
  /**
   * Adds to a balance what the customer paid to the owner elsewhere, in base units, after the owner's confirmation outside of the
   * pages. Fails with `not-found`, `not-permitted` if it was declined, and `unsupported` without the desktop app.
   */
  credit: oc
    .input(idSchema.extend({ amount: amountTextSchema }))
    .output(z.object({ customer: customerSchema })),
  /**
   * Pays the balance out to an address, after the owner's confirmation as for `wallet.requestSend`, and fails like it. `who`: a
   * customer's ID, or the address of one that paid on the chain, which is then the default of `to`.
   */
  payOut: oc
    .input(z.object({ who: z.string().trim().max(100), to: z.string().trim().max(200).nullable() }))
    .output(walletTransactionSchema),
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
