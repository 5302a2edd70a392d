/** Backups and reports that the agent writes into its data folder. */
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function maintenanceRoutes(
  api: ApiImplementer['maintenance'],
  { maintenance }: Pick<ApiParts, 'maintenance'>,
) {
  return {
    list: api.list.handler(() => {
      const { backups, reports } = maintenance.list();
      return { backups: [...backups], reports: [...reports] };
    }),
    backup: api.backup.handler(() => maintenance.backup()),
    report: api.report.handler(() => maintenance.report()),
  };
}
