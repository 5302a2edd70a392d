/** Public interface of serving: the models that are served, their load options, and when their engines load them. */
export { createGraphics, type Graphics } from './graphics.ts';
export { servingLoad } from './load-options.ts';
export { measureServed } from './measure-served.ts';
export { createModelMemory } from './model-memory.ts';
export { type Offerable, offeredModels } from './offered-models.ts';
export type { ServedEngines, ServedModel } from './served-engines.ts';
export { createServing, type Serving, type ServingOptions } from './serving.ts';
export { currentSpeed } from './speed.ts';
