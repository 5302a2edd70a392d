/** Public interface of the network module. */

export { readText } from '../../ports/read-text.ts';
export { watchClock } from './clock-watch.ts';
export { createDirectory, type Directory, type DirectoryOptions } from './directory.ts';
export type { Provider } from './known-offers.ts';
