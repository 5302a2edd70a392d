/** Fetches and removes libraries for GPUs that aren't part of the packages. */
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function libraryRoutes(api: ApiImplementer['libraries'], { libraries }: Pick<ApiParts, 'libraries'>) {
  return {
    download: api.download.handler(() => {
      // The state shows how it ends.
      libraries.fetch();
      return {};
    }),
    cancel: api.cancel.handler(() => {
      libraries.cancel();
      return {};
    }),
    remove: api.remove.handler(async () => {
      await libraries.remove();
      return {};
    }),
  };
}
