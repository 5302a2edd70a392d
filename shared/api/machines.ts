/** The API for the owner's machines. Outside a private network every call fails with `unsupported`. */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import { ruleGroupSchema } from '../machine-rules.ts';
import {
  machineOrderSchema,
  machineRoleSchema,
  PAIRING_CODE_CHARACTERS_MAX,
  peerIdSchema,
} from '../machines.ts';

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
  /** Only on an owner's machine, and not for the founder or an owner that was added earlier. */
  remove: oc.input(z.object({ peer: peerIdSchema })).output(nothing),
  /**
   * Joins the network of a machine of this LAN that shows this code, at the next start; only while no other machine is in
   * this one's. `restarts`: that start follows automatically.
   */
  join: oc
    .input(z.object({ code: z.string().max(PAIRING_CODE_CHARACTERS_MAX) }))
    .output(z.object({ restarts: z.boolean() })),
  /** Sets a group of settings for all machines as they are here, or leaves them to each machine; only on an owner's. */
  share: oc.input(z.object({ group: ruleGroupSchema, isShared: z.boolean() })).output(nothing),
};
