/** The door of the network room. */
export { createDirectory, type Directory, type DirectoryOptions, type Provider } from './directory.ts';
