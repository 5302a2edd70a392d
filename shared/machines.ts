/** The private network of one owner's machines: roles, the roster that the founder signs, and what machines tell each other. */
import { z } from 'zod';
import { presenceSchema } from './presence.ts';

/**
 * `owner`: buys, serves, and pauses other machines. `use`: buys and serves. `serve`: serves only. The founder, which is always
 * an owner, also adds and removes machines.
 */
export const MACHINE_ROLES = ['owner', 'use', 'serve'] as const;
export const machineRoleSchema = z.enum(MACHINE_ROLES);
export type MachineRole = z.infer<typeof machineRoleSchema>;

/** Machines of one network. */
export const MACHINES_MAX = 64;
export const MACHINE_NAME_CHARACTERS_MAX = 60;
/** Words of a pairing code; each of the list's 2,048 words is worth 11 bits. */
export const PAIRING_WORDS = 6;
/** Minutes in which a pairing code can be used, once. */
export const PAIRING_MINUTES = 10;

export const networkIdSchema = z.string().regex(/^[0-9a-f]{16}$/);
/** 32 bytes in hex. */
export const secretSchema = z.string().regex(/^[0-9a-f]{64}$/);
export const peerIdSchema = z.string().min(1).max(100);
const nameSchema = z.string().min(1).max(MACHINE_NAME_CHARACTERS_MAX);

export const listedMachineSchema = z.object({
  peer: peerIdSchema,
  name: nameSchema,
  role: machineRoleSchema,
  addedAtMs: z.number(),
});
export type ListedMachine = z.infer<typeof listedMachineSchema>;

/** Payload of the roster's JWS, which only the founder signs. The one with the higher version replaces the other. */
export const rosterSchema = z.object({
  network: networkIdSchema,
  version: z.number().int().positive(),
  machines: z.array(listedMachineSchema).min(1).max(MACHINES_MAX),
});
export type Roster = z.infer<typeof rosterSchema>;

/** Longest JWS of a roster: a list of the most machines with the longest names fits. */
export const ROSTER_CHARACTERS_MAX = 40_000;
export const rosterJwsSchema = z.string().min(1).max(ROSTER_CHARACTERS_MAX);

/** Work that was done within a local day. */
export const workDoneSchema = z.object({
  jobs: z.number().int().nonnegative(),
  inputTokens: z.number().int().nonnegative(),
  outputTokens: z.number().int().nonnegative(),
  /** Sum of the jobs' durations, from start to end. */
  workMs: z.number().nonnegative(),
});
export type WorkDone = z.infer<typeof workDoneSchema>;

/** A machine's own report. Values that it can't measure are null. */
export const machineReportSchema = z.object({
  presence: presenceSchema,
  engine: z.enum(['stopped', 'loading', 'ready', 'restarting', 'gave-up']),
  /** Jobs in progress. */
  jobs: z.number().int().nonnegative(),
  tokensPerSecond: z.number().nonnegative().nullable(),
  /** Power draw of the work, beyond the idle machine. */
  watts: z.number().nonnegative().nullable(),
  /** Graphics or CPU that it computes with. */
  device: z.string().max(120).nullable(),
  /** Today, by its own calendar: what it did for all machines. */
  served: workDoneSchema,
  /** Today: what it had done by all machines. */
  used: workDoneSchema,
});
export type MachineReport = z.infer<typeof machineReportSchema>;

/** Response to `GET` {@link import('./wire.ts').MACHINE_PATH}. */
export const machineAnswerSchema = z.object({ roster: rosterJwsSchema, report: machineReportSchema });

/** Body of a `POST` to the same path, from an owner. */
export const machineOrderSchema = z.object({ order: z.enum(['pause', 'resume']) });
export type MachineOrder = z.infer<typeof machineOrderSchema>['order'];

/** Request of a machine that wants to join; `proof` proves knowledge of the code on this very connection. */
export const pairingRequestSchema = z.object({
  name: nameSchema,
  /** 32 random bytes. */
  nonce: secretSchema,
  proof: secretSchema,
});

/** Response: `proof` proves that the other side knows the code, too; without it the rest counts nothing. */
export const pairingAnswerSchema = z.object({
  proof: secretSchema,
  networkKey: secretSchema,
  network: networkIdSchema,
  founder: peerIdSchema,
  roster: rosterJwsSchema,
});
export type PairingAnswer = z.infer<typeof pairingAnswerSchema>;

/** A machine as pages show it. */
export const shownMachineSchema = z.object({
  ...listedMachineSchema.shape,
  isSelf: z.boolean(),
  isFounder: z.boolean(),
  isConnected: z.boolean(),
  /** Its last report; null if there was none since this agent started. */
  report: machineReportSchema.nullable(),
  /** Time of that report. */
  reportedAtMs: z.number().nullable(),
});
export type ShownMachine = z.infer<typeof shownMachineSchema>;

/** Section of the state. */
export const machinesStateSchema = z.object({
  /** This machine's own role; null once it was removed. */
  role: machineRoleSchema.nullable(),
  isFounder: z.boolean(),
  machines: z.array(shownMachineSchema),
});
export type MachinesState = z.infer<typeof machinesStateSchema>;

/** Removes control characters and marks that would change how a terminal or a page shows the name. */
export function plainMachineName(name: string): string {
  const plain = name.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ').trim();
  return plain.slice(0, MACHINE_NAME_CHARACTERS_MAX).trim() || 'Machine';
}
