/** The clients that try files and batches. Their results are printed and count, but aren't in the table of abilities. */
import { ABILITIES, type ClientCase } from './clients.ts';

/** Other scripts of the same clients try these. */
const without = Object.fromEntries(ABILITIES.map((ability) => [ability, 'another script']));

export const BATCH_CLIENTS: readonly ClientCase[] = [
  {
    script: 'openai-batch.mjs',
    name: 'openai (Node), batches',
    language: 'node',
    packages: ['openai'],
    without,
  },
  {
    script: 'openai_batch.py',
    name: 'openai (Python), batches',
    language: 'python',
    packages: ['openai'],
    without,
  },
];
