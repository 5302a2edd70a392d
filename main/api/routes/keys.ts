/** Routes for the API keys of the gateway. */
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function keyRoutes(api: ApiImplementer['keys'], { gatewayKeys }: Pick<ApiParts, 'gatewayKeys'>) {
  return {
    list: api.list.handler(() => ({ keys: [...gatewayKeys.list()] })),
    add: api.add.handler(({ input }) => gatewayKeys.add(input)),
    change: api.change.handler(({ input }) => ({ key: gatewayKeys.change(input.id, input.limits) })),
    revoke: api.revoke.handler(({ input }) => {
      gatewayKeys.revoke(input.id);
      return {};
    }),
  };
}
