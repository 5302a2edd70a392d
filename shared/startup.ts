/**
 * Steps of the agent's start, which pages, tray and shell show while there is no state of the agent yet. The download
 * and loading of the model come later and are part of that state.
 */
import { z } from 'zod';
import { ERROR_CODES } from './errors.ts';

/** In order. Each is named when it begins. */
export const STARTUP_STEPS = [
  'program', // the process was started and loads its code
  'data', // opens the data folder, the ledger and the settings
  'chain', // connects to the blockchain; in practice, starts its own
  'wallet', // decrypts or creates the wallet, reads its balances
  'network', // opens the peer-to-peer network
] as const;
export const startupStepSchema = z.enum(STARTUP_STEPS);
export type StartupStep = z.infer<typeof startupStepSchema>;

export const startupSchema = z.discriminatedUnion('phase', [
  z.object({
    phase: z.literal('starting'),
    step: startupStepSchema,
    /** Begin of this step, in milliseconds since the epoch. */
    sinceMs: z.number(),
    /** True where an agent was up before: it stopped, and this one replaces it. */
    again: z.boolean(),
  }),
  /** No agent is started unless the owner decides so. */
  z.object({
    phase: z.literal('failed'),
    /** One or more sentences for the owner; null when the agent ended unexpectedly too often. */
    message: z.string().nullable(),
    code: z.enum(ERROR_CODES).nullable(),
    /** True if an agent was up before it failed. */
    hasRun: z.boolean(),
  }),
  /** The API answers: from now on its state tells everything. */
  z.object({ phase: z.literal('serving') }),
]);
export type Startup = z.infer<typeof startupSchema>;
