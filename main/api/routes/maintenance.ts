/** Backups and reports that the agent writes into its data folder, and the restore of a backup. */
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function maintenanceRoutes(
  api: ApiImplementer['maintenance'],
  { maintenance, shell }: Pick<ApiParts, 'maintenance' | 'shell'>,
) {
  return {
    list: api.list.handler(() => {
      const { backups, reports, ...rest } = maintenance.list();
      return { ...rest, backups: [...backups], reports: [...reports] };
    }),
    backup: api.backup.handler(() => maintenance.backup()),
    report: api.report.handler(() => maintenance.report()),
    addBackup: api.addBackup.handler(async () => ({
      name: await shell.chooseBackup(maintenance.list().backupFolder),
    })),
    inspectBackup: api.inspectBackup.handler(({ input }) => maintenance.inspect(input.name)),
    restore: api.restore.handler(({ input }) => maintenance.restore(input)),
  };
}
