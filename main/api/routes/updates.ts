/** Looks for updates of the app, and installs a downloaded one. */
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function updateRoutes(
  api: ApiImplementer['updates'],
  { updates, upgrade }: Pick<ApiParts, 'updates' | 'upgrade'>,
) {
  return {
    check: api.check.handler(() => {
      // The state shows how it ends.
      void updates.check();
      return {};
    }),
    install: api.install.handler(() => {
      updates.install((replace) => upgrade.restart(replace));
      return {};
    }),
  };
}
