/** Command-line parameters of the engine process that restrict the GPUs it uses. */

export const NO_GRAPHICS = '--no-graphics';
export const ONLY_CUDA = '--only-cuda';
