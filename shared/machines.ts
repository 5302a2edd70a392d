/** The private network of one owner's machines: roles, the lists that owners sign, and what machines tell each other. */
import { z } from 'zod';
import { machineRulesSchema, ruleGroupSchema } from './machine-rules.ts';
import { assetSchema } from './money.ts';
import { presenceSchema } from './presence.ts';

/**
 * `owner`: buys, serves, adds, removes and pauses other machines, and sets rules for all. `use`: buys and serves. `serve`:
 * serves only. The founder is always an owner.
 */
export const MACHINE_ROLES = ['owner', 'use', 'serve'] as const;
export const machineRoleSchema = z.enum(MACHINE_ROLES);
export type MachineRole = z.infer<typeof machineRoleSchema>;

/** Machines of one network. */
export const MACHINES_MAX = 64;
export const MACHINE_NAME_CHARACTERS_MAX = 60;
/** Words of a pairing code; each of the list's 2,048 words is worth 11 bits. */
export const PAIRING_WORDS = 6;
/** Longest text in which six words are looked for. */
export const PAIRING_CODE_CHARACTERS_MAX = 200;
/** Minutes in which a pairing code can be used, once. */
export const PAIRING_MINUTES = 10;

export const networkIdSchema = z.string().regex(/^[0-9a-f]{16}$/);
/** 32 bytes in hex. */
export const secretSchema = z.string().regex(/^[0-9a-f]{64}$/);
export const peerIdSchema = z.string().min(1).max(100);
/** An address on the chain, in the notation in which it is compared: with the EIP-55 checksum. */
export const payoutAddressSchema = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const nameSchema = z.string().min(1).max(MACHINE_NAME_CHARACTERS_MAX);

export const listedMachineSchema = z.object({
  peer: peerIdSchema,
  name: nameSchema,
  role: machineRoleSchema,
  addedAtMs: z.number(),
});
export type ListedMachine = z.infer<typeof listedMachineSchema>;

/** Highest number of a version, a generation, a change or a revision. */
export const LIST_NUMBER_MAX = 1_000_000_000;
const numberSchema = z.number().int().nonnegative().max(LIST_NUMBER_MAX);

/**
 * Returns the number of what replaces the one before. It ends at the highest: of equals that of the owner ahead counts, so that
 * an owner that signed the highest number can be overruled.
 */
export function numberAfter(before: number): number {
  return Math.min(LIST_NUMBER_MAX, before + 1);
}

/**
 * Decision of an owner about a machine. A higher generation replaces a lower one; within a generation a removal replaces
 * everything else, then the higher change counts. A machine that is added again after a removal has the next generation.
 */
export const machineDecisionSchema = z.object({
  ...listedMachineSchema.shape,
  generation: numberSchema,
  change: numberSchema,
  isRemoved: z.boolean(),
});
export type MachineDecision = z.infer<typeof machineDecisionSchema>;

/** Owners whose decisions count. */
export const OWNERS_MAX = 16;
/** Machines that one owner's list names, removed ones included. */
export const DECISIONS_MAX = 128;

/** Settings that an owner set for all machines. The set with the highest revision counts. */
export const setRulesSchema = z.object({ revision: numberSchema, values: machineRulesSchema });
export type SetRules = z.infer<typeof setRulesSchema>;

/**
 * One payout address for all machines that sell to others. The one with the highest revision counts; null leaves the payout
 * address to each machine.
 */
export const setPayoutSchema = z.object({
  revision: numberSchema,
  address: payoutAddressSchema.nullable(),
  setAtMs: z.number().nonnegative(),
});
export type SetPayout = z.infer<typeof setPayoutSchema>;

/** Payload of the JWS that each owner signs. The one with the higher version replaces its earlier one. */
export const ownerListSchema = z.object({
  network: networkIdSchema,
  /** Peer ID of the owner, which signs. */
  owner: peerIdSchema,
  version: numberSchema,
  machines: z.array(machineDecisionSchema).max(DECISIONS_MAX),
  rules: setRulesSchema.nullable(),
  /** Absent in the lists of earlier versions. */
  payout: setPayoutSchema.nullable().default(null),
});
export type OwnerList = z.infer<typeof ownerListSchema>;

/**
 * Payload of the JWS with which a machine leaves its network: the decision of this generation about it ends, and of its own lists
 * those up to this version count. `leaves` tells it from everything else that the key signs.
 */
export const departureSchema = z.object({
  network: networkIdSchema,
  /** Peer ID of the machine that leaves, which signs. */
  peer: peerIdSchema,
  leaves: z.literal(true),
  generation: numberSchema,
  version: numberSchema,
});
export type Departure = z.infer<typeof departureSchema>;

/** Longest JWS of a list: one of the most machines with the longest names fits. */
export const LIST_CHARACTERS_MAX = 80_000;
/** Signed lists that machines exchange: those of all owners, and that of the sender. */
export const signedListsSchema = z
  .array(z.string().min(1).max(LIST_CHARACTERS_MAX))
  .min(1)
  .max(OWNERS_MAX + 1);
const DEPARTURE_CHARACTERS_MAX = 1_000;
/** Signed departures that machines exchange. Absent in the messages of earlier versions. */
export const signedDeparturesSchema = z
  .array(z.string().min(1).max(DEPARTURE_CHARACTERS_MAX))
  .max(MACHINES_MAX)
  .default([]);
/** Longest message with lists and departures. */
export const LISTS_CHARACTERS_MAX =
  (OWNERS_MAX + 1) * (LIST_CHARACTERS_MAX + 10) + MACHINES_MAX * (DEPARTURE_CHARACTERS_MAX + 10);
/** Body of a `POST` to {@link import('./wire.ts').ROSTER_PATH}. */
export const listsMessageSchema = z.object({ lists: signedListsSchema, departures: signedDeparturesSchema });
/** Response: the lists and departures as they are after it; null and none for a peer that is none of the machines. */
export const listsAnswerSchema = z.object({
  taken: z.boolean(),
  lists: signedListsSchema.nullable(),
  departures: signedDeparturesSchema,
});

/** Work that was done within a local day. */
export const workDoneSchema = z.object({
  jobs: z.number().int().nonnegative(),
  inputTokens: z.number().int().nonnegative(),
  outputTokens: z.number().int().nonnegative(),
  /** Sum of the jobs' durations, from start to end. */
  workMs: z.number().nonnegative(),
});
export type WorkDone = z.infer<typeof workDoneSchema>;

/** Days that a report covers. */
export const DAYS_REPORTED = 14;
/** Work of a machine for all machines within a day of its own calendar. */
export const machineDaySchema = z.object({
  day: z.iso.date(),
  outputTokens: z.number().int().nonnegative(),
  /** Sum of the jobs' durations. */
  workMs: z.number().nonnegative(),
  /** Energy of the work beyond the idle machine; null if it isn't known for the whole day. */
  wattHours: z.number().nonnegative().nullable(),
});
export type MachineDay = z.infer<typeof machineDaySchema>;

/** Days over which a machine sums up what it earned outside. */
export const OUTSIDE_DAYS = 30;
/** Sale to others than the owner's machines. */
export const outsideSchema = z.object({
  asset: assetSchema,
  /** Earned in the last {@link OUTSIDE_DAYS} days, in base units. */
  earned: z.string().regex(/^\d{1,30}$/),
  /** Address that this machine pays out to now. */
  payout: payoutAddressSchema,
});
export type Outside = z.infer<typeof outsideSchema>;

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
  /** The last days with work, oldest first. */
  days: z.array(machineDaySchema).max(DAYS_REPORTED),
  /** Null where it sells to nobody else; absent in the reports of earlier versions. */
  outside: outsideSchema.nullable().default(null),
});
export type MachineReport = z.infer<typeof machineReportSchema>;

/** Response to `GET` {@link import('./wire.ts').MACHINE_PATH}. */
export const machineAnswerSchema = z.object({
  /** SHA-256 of the lists and departures that the machine has. */
  lists: secretSchema,
  report: machineReportSchema,
});

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
  lists: signedListsSchema,
  departures: signedDeparturesSchema,
});
export type PairingAnswer = z.infer<typeof pairingAnswerSchema>;

/** Changes that decide who may set the payout address: the owner confirms each outside of the pages. */
export const machinesChangeSchema = z.enum(['join', 'invite-owner', 'remove-owner', 'leave']);
export type MachinesChange = z.infer<typeof machinesChangeSchema>;

/** A machine as pages show it. */
export const shownMachineSchema = z.object({
  ...listedMachineSchema.shape,
  isSelf: z.boolean(),
  /** This machine may remove it. */
  isRemovable: z.boolean(),
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
  machines: z.array(shownMachineSchema),
  /** Groups of settings that an owner set for all machines, this one included. */
  ruled: z.array(ruleGroupSchema),
  /** Name of the owner's machine that set them; null if none is set. */
  ruledBy: nameSchema.nullable(),
  /** The payout address for all machines, and the owner's machine that set it; null where each has its own. */
  payout: z
    .object({ address: payoutAddressSchema, by: nameSchema.nullable(), setAtMs: z.number() })
    .nullable(),
});
export type MachinesState = z.infer<typeof machinesStateSchema>;

/** Returns the name with the end of the peer ID, because several machines can have one name. */
export function nameOf({ name, peer }: Pick<ListedMachine, 'name' | 'peer'>): string {
  return `${plainMachineName(name)} (${peer.slice(-8)})`;
}

/** Removes control characters and marks that would change how a terminal or a page shows the name. */
export function plainMachineName(name: string): string {
  const plain = name.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ').trim();
  return plain.slice(0, MACHINE_NAME_CHARACTERS_MAX).trim() || 'Machine';
}
