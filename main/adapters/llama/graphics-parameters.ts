/** How an engine process is told which cards it may use, on its command line. */

export const NO_GRAPHICS = '--no-graphics';
export const ONLY_CUDA = '--only-cuda';
