/** What holds the engine's process, part by part, and where a part does not, why. */
import { z } from 'zod';

export const SANDBOX_PARTS = [
  'network', // it can make no connection to anybody
  'files', // it can read models and its own libraries, and write nothing
  'memory', // its private memory has a limit that the system keeps
  'priority', // it computes when nobody else wants to
  'diesWithParent', // the system itself ends it with its parent, also when it hangs
] as const;
export type SandboxPart = (typeof SANDBOX_PARTS)[number];

export const sandboxStateSchema = z.enum([
  'in-force',
  'not-built', // the native part was not compiled on this machine
  'not-written', // this part does not exist yet for this operating system
  'refused', // the operating system does not let it, e.g. an older kernel
]);
export type SandboxState = z.infer<typeof sandboxStateSchema>;

/** As the process found it, never assumed. */
export const sandboxReportSchema = z.record(z.enum(SANDBOX_PARTS), sandboxStateSchema);
export type SandboxReport = z.infer<typeof sandboxReportSchema>;
