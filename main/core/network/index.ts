/** Public interface of the network module. */
export { createDirectory, type Directory, type DirectoryOptions } from './directory.ts';
export type { Provider } from './known-offers.ts';
export { readText } from './read-text.ts';
