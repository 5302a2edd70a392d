/** Public interface of the tar adapter. */
export { unpackTar } from './unpack.ts';
