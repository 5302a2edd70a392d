/** The API for the owner's machines. Outside a private network every call fails with `unsupported`. */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import { machineOrderSchema, machineRoleSchema, peerIdSchema } from '../machines.ts';

const nothing = z.object({});

export const machinesContract = {
  /** Shows a code with which one machine of this LAN joins; an earlier one is void. */
  invite: oc
    .input(z.object({ role: machineRoleSchema }))
    .output(z.object({ code: z.string(), expiresAtMs: z.number() })),
  /** Makes the open code void. */
  endInvitation: oc.input(nothing).output(nothing),
  /** Pauses or resumes one machine, or all when `peer` is null. `failed` has the names of those that didn't take the order. */
  order: oc
    .input(z.object({ ...machineOrderSchema.shape, peer: peerIdSchema.nullable() }))
    .output(z.object({ failed: z.array(z.string()) })),
  /** Only at the machine that founded the network. */
  remove: oc.input(z.object({ peer: peerIdSchema })).output(nothing),
};
