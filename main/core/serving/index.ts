/** Public interface of serving: the model that is served, its load options, and when the engine loads it. */
export { createGraphics, type Graphics } from './graphics.ts';
export { servingLoad } from './load-options.ts';
export { measureServed } from './measure-served.ts';
export { offeredModels } from './offered-models.ts';
export { createServing, type Serving, type ServingOptions } from './serving.ts';
export { currentSpeed } from './speed.ts';
