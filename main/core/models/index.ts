/**
 * Public interface of the models module: the catalog, the store that downloads, verifies and removes files, and
 * downloads over HTTPS that can be resumed.
 */
export {
  CATALOGUE,
  type CatalogueEntry,
  DEFAULT_MODEL_ID,
  type ModelSource,
  strengthsOf,
  TINY_MODEL_ID,
} from './catalogue.ts';
export { FACTS_DATE, HUB_MODELS, type HubModel } from './catalogue-table.ts';
export { type ModelFacts, modelFacts } from './configurations.ts';
export { reasonOf } from './download.ts';
export { downloadHttps } from './download-https.ts';
export { fit, type ModelMemory, requiredBytes } from './fit.ts';
export { factsOfHeader, shownText } from './header-facts.ts';
export {
  createLinkedEntries,
  isLinkedModel,
  type LinkedEntries,
  type LinkedEntry,
  linkedModelId,
} from './linked-entries.ts';
export type { EnsureOptions } from './model-job.ts';
export type { ModelProgress, StoredModel } from './model-record.ts';
export { createModelStore, type ModelStore, type ModelStoreOptions } from './model-store.ts';
export { isOwnModel, type OwnFiles } from './own-files.ts';
export { type OpenPartFile, openPartFile, partBytes } from './part-file.ts';
export { createProgress, type Progress } from './progress.ts';
export { type Candidate, rankModels } from './rank.ts';
export { openZipMember } from './zip-member.ts';
