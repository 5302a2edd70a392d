/** Public interface of the libraries for GPUs that aren't part of the packages: fetched if the owner wants them. */
export {
  createGraphicsLibraries,
  type GraphicsLibraries,
  type GraphicsLibrariesOptions,
} from './graphics-libraries.ts';
export { supportsCuda } from './needed.ts';
export { archiveKey, PINNED_CUDA, type PinnedArchive } from './pins.ts';
