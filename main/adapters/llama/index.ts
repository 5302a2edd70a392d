/** Public interface of the llama.cpp adapter. */
export { createLlamaSpawner, type LlamaSpawnOptions } from './spawn.ts';
