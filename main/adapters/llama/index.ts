/** The llama.cpp adapter's door. */
export { createLlamaSpawner, type LlamaSpawnOptions } from './spawn.ts';
