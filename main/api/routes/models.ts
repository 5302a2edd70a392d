/** Models and their measurements: downloads, the model that is served, benchmark and calibration. */
import { AppError } from '../../../shared/errors.ts';
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

type ModelParts = Pick<ApiParts, 'models' | 'linkedModels' | 'activateModel' | 'serveFurther' | 'incomes'>;
type BenchmarkParts = Pick<ApiParts, 'benchmark' | 'predictions'>;

export function modelRoutes(api: ApiImplementer['models'], parts: ModelParts) {
  const { models, linkedModels, activateModel, serveFurther, incomes } = parts;
  return {
    download: api.download.handler(({ input }) => {
      if (!models.list().some((model) => model.id === input.id)) {
        throw new AppError('not-found', `Model "${input.id}" not found in the catalog.`);
      }
      // The models' own state has progress and failure; the caller doesn't wait for gigabytes.
      models.ensure(input.id).catch(() => undefined);
      return {};
    }),
    cancel: api.cancel.handler(({ input }) => {
      models.cancel(input.id);
      return {};
    }),
    remove: api.remove.handler(async ({ input }) => {
      await models.remove(input.id);
      return {};
    }),
    serveFurther: api.serveFurther.handler(async ({ input }) => {
      await serveFurther(input.id, input.isOn);
      return {};
    }),
    activate: api.activate.handler(async ({ input }) => {
      await activateModel(input.id);
      return {};
    }),
    findOwn: api.findOwn.handler(async () => {
      const { files, refused } = await models.findOwn();
      return { folder: models.ownFolder, found: files.length, refused: [...refused] };
    }),
    lookUpLink: api.lookUpLink.handler(({ input, signal }) => linkedModels.lookUp(input.link, signal)),
    addByLink: api.addByLink.handler(async ({ input, signal }) => {
      const { id } = await linkedModels.add(input, signal);
      models.ensure(id).catch(() => undefined);
      return { id };
    }),
    incomes: api.incomes.handler(() => ({ incomes: [...incomes()] })),
  };
}

export function benchmarkRoutes(
  api: ApiImplementer['benchmark'],
  { benchmark, predictions }: BenchmarkParts,
) {
  return {
    run: api.run.handler(() => {
      if (benchmark.state().state === 'running') {
        throw new AppError('busy', 'A measurement is already running.');
      }
      // The benchmark's own state has its failure.
      benchmark.run().catch(() => undefined);
      return {};
    }),
    calibrate: api.calibrate.handler(() => {
      if (predictions.state().state === 'running') {
        throw new AppError('busy', 'The calibration is already running.');
      }
      // The calibration's own state has its failure.
      predictions.calibrate().catch(() => undefined);
      return {};
    }),
    history: api.history.handler(({ input }) => ({ runs: benchmark.history(input.limit) })),
  };
}
