/** Engine servers: finding them, adding and removing them, and serving their models. */
import { isEngineServerModel } from '../../../shared/engine-servers.ts';
import { DEFAULT_MODEL_ID } from '../../core/models/index.ts';
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

type EngineParts = Pick<ApiParts, 'engineServers' | 'activateModel' | 'servedModel' | 'log'>;

export function engineRoutes(api: ApiImplementer['engines'], parts: EngineParts) {
  const { engineServers, activateModel, servedModel, log } = parts;
  return {
    search: api.search.handler(async () => ({ found: [...(await engineServers.search())] })),
    add: api.add.handler(async ({ input }) => ({ id: await engineServers.add(input) })),
    remove: api.remove.handler(({ input }) => {
      engineServers.remove(input.id);
      const served = servedModel();
      if (served !== null && isEngineServerModel(served) && served.startsWith(`${input.id}/`)) {
        activateModel(DEFAULT_MODEL_ID).catch((error: unknown) => {
          log.warn('The default model could not take the place of a removed engine’s', {
            cause: String(error),
          });
        });
      }
      return {};
    }),
    serve: api.serve.handler(async ({ input }) => {
      await activateModel(engineServers.choose(input.id, input.model));
      return {};
    }),
  };
}
