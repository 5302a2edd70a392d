/** Public interface of the llama.cpp adapter. */
export { createLlamaSpawner, type LlamaSpawnOptions } from './spawn.ts';
export { type ChildTokenizer, createTokenizer, type TokenizerOptions } from './tokenizer.ts';
