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
const codeSchema = z.object({ code: z.string(), expiresAtMs: z.number() });
/** As the owner typed it. */
const givenAddressSchema = z.string().max(100);

/** For the desktop shell and the owner's terminal only. */
export const machinesShellContract = {
  /** Sets the payout address for all machines, which the owner has confirmed. Fails with `not-permitted` and `bad-request`. */
  setPayoutForAll: oc.input(z.object({ address: givenAddressSchema.nullable() })).output(nothing),
  /** Shows a code with which one machine of this LAN joins as an owner. */
  inviteOwner: oc.input(nothing).output(codeSchema),
  /** Removes a machine, an owner's as well. Fails with `not-permitted` and `not-found`. */
  removeMachine: oc.input(z.object({ peer: peerIdSchema })).output(nothing),
  /** Leaves the network of the owner's machines, on an owner's machine as well. Fails with `bad-request` on the only owner's. */
  leaveMachines: oc.input(nothing).output(z.object({ restarts: z.boolean() })),
};

export const machinesContract = {
  /**
   * Shows a code with which one machine of this LAN joins; an earlier one is void. With the role `owner` the desktop asks the
   * owner first; elsewhere `pair machine --role owner` does it.
   */
  invite: oc.input(z.object({ role: machineRoleSchema })).output(codeSchema),
  /** Makes the open code void. */
  endInvitation: oc.input(nothing).output(nothing),
  /** Pauses or resumes one machine, or all when `peer` is null. `failed` has the names of those that didn't take the order. */
  order: oc
    .input(z.object({ ...machineOrderSchema.shape, peer: peerIdSchema.nullable() }))
    .output(z.object({ failed: z.array(z.string()) })),
  /**
   * Only on an owner's machine, and not for the founder or an owner that was added earlier. For an owner's machine the desktop
   * asks the owner first; elsewhere `machines remove` does it.
   */
  remove: oc.input(z.object({ peer: peerIdSchema })).output(nothing),
  /**
   * Joins the network of a machine of this LAN that shows this code, at the next start; only while no other machine is in
   * this one's. `restarts`: that start follows automatically. Where this machine sells to others, the desktop asks the owner
   * first, because the owners of that network set its payout address; elsewhere `pair join --outside` does it.
   */
  join: oc
    .input(z.object({ code: z.string().max(PAIRING_CODE_CHARACTERS_MAX) }))
    .output(z.object({ restarts: z.boolean() })),
  /**
   * Leaves the network. On an owner's machine the desktop asks the owner first, because its payout address ends with it;
   * elsewhere `machines leave` does it. Fails with `bad-request` on the only owner's machine. `restarts`: it follows automatically.
   */
  leave: oc.input(nothing).output(z.object({ restarts: z.boolean() })),
  /**
   * Makes a machine that sells to others the first of its owner's machines, from the next start on; others join it by code.
   * `restarts`: that start follows automatically.
   */
  found: oc.input(nothing).output(z.object({ restarts: z.boolean() })),
  /**
   * Asks the owner outside of the pages whether this becomes the payout address of all machines that sell to others; null
   * leaves it to each. Only on an owner's machine in the desktop; elsewhere `machines payout` asks on the terminal.
   */
  requestPayout: oc.input(z.object({ address: givenAddressSchema.nullable() })).output(nothing),
  /** Sets a group of settings for all machines as they are here, or leaves them to each machine; only on an owner's. */
  share: oc.input(z.object({ group: ruleGroupSchema, isShared: z.boolean() })).output(nothing),
};
