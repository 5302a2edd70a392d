/** State of each part of the engine sandbox, with the reason if a part is not active. */
import { z } from 'zod';

export const SANDBOX_PARTS = [
  'network', // the process cannot open any connection
  'files', // it can read only models and its own libraries, and write nothing
  'memory', // the system limits its private memory
  'priority', // it computes only when no other program needs the CPU
  'diesWithParent', // the system ends it with its parent, even if it hangs
] as const;
export type SandboxPart = (typeof SANDBOX_PARTS)[number];

export const sandboxStateSchema = z.enum([
  'in-force',
  'not-built', // the native part was not compiled on this machine
  'not-written', // not implemented for this operating system yet
  'foreign', // an engine server: a program of the owner's that Idlewatt didn't start
  'refused', // not supported by the operating system, e.g. an older kernel
]);
export type SandboxState = z.infer<typeof sandboxStateSchema>;

/** As the process observed it, never assumed. */
export const sandboxReportSchema = z.record(z.enum(SANDBOX_PARTS), sandboxStateSchema);
export type SandboxReport = z.infer<typeof sandboxReportSchema>;
