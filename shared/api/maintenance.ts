/** The API for backups and reports, which the agent writes into its data folder: a page can't name a path. */
import { oc } from '@orpc/contract';
import { z } from 'zod';

export const keptFileSchema = z.object({
  /** Absolute path on the agent's machine. */
  path: z.string(),
  atMs: z.number(),
  bytes: z.number().int(),
});
export type KeptFile = z.infer<typeof keptFileSchema>;

export const maintenanceContract = {
  /** Newest first. */
  list: oc
    .input(z.object({}))
    .output(z.object({ backups: z.array(keptFileSchema), reports: z.array(keptFileSchema) })),
  /** Backs up everything but models and logs. Older backups are deleted. */
  backup: oc.input(z.object({})).output(keptFileSchema),
  /** Collects what helps to find a fault, without secrets. */
  report: oc.input(z.object({})).output(keptFileSchema),
};
