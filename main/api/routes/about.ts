/** Facts about this copy of Idlewatt, and the licenses of what it contains. */
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function aboutRoutes(api: ApiImplementer['about'], { about }: Pick<ApiParts, 'about'>) {
  return {
    read: api.read.handler(() => about.read()),
    licenses: api.licenses.handler(async () => ({ text: await about.licenses() })),
  };
}
