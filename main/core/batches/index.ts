/** Public interface of the batches module. */
export { type BatchFolder, openBatchFolder } from './folder.ts';
export { addBatchRoutes } from './routes.ts';
export { type Batches, type BatchesParts, createBatches } from './service.ts';
