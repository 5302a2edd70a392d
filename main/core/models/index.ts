/** The models room's door: the catalogue, and the store that brings, proves and removes model files. */
export {
  CATALOGUE,
  type CatalogueEntry,
  DEFAULT_MODEL_ID,
  type ModelSource,
  TINY_MODEL_ID,
} from './catalogue.ts';
export { type ModelFacts, modelFacts } from './configurations.ts';
export { type Fit, fit, requiredBytes } from './fit.ts';
export {
  createModelStore,
  type EnsureOptions,
  type ModelProgress,
  type ModelStore,
  type ModelStoreOptions,
  type StoredModel,
} from './model-store.ts';
