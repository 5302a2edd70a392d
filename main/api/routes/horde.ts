/** Routes for the AI Horde. */
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function hordeRoutes(api: ApiImplementer['horde'], { horde }: Pick<ApiParts, 'horde'>) {
  return {
    setKey: api.setKey.handler(({ input }) => {
      horde.setKey(input.key);
      return {};
    }),
  };
}
