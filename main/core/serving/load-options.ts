/** Options with which this machine loads a served model. */
import { availableParallelism } from 'node:os';
import { comfortLimits } from '../../../shared/comfort.ts';
import type { Settings } from '../../../shared/settings.ts';
import type { LoadOptions } from '../../ports/engine.ts';
import type { MachineReader } from '../../ports/machine.ts';
import { chooseThreads } from '../engine/index.ts';

/** Tokens of one request and its response. */
const CONTEXT_TOKENS_MAX = 2_048;
/** The engine takes fewer where memory is short. More would make each of the concurrent answers slower than reading. */
const SEQUENCES_MAX = 8;

/** Options before a model is known; one with a shorter context gets its own `contextTokens`. */
export async function servingLoad(
  machine: Pick<MachineReader, 'inventory'>,
  settings: Pick<Settings, 'comfort' | 'graphicsMemoryBytesMax'>,
): Promise<LoadOptions> {
  const { physicalCores } = await machine.inventory();
  const threads = chooseThreads({
    physicalCores,
    logicalCores: availableParallelism(),
    busyCores: null,
    sharePercent: comfortLimits(settings.comfort).coresPercent,
  });
  const { graphicsMemoryBytesMax } = settings;
  return { contextTokens: CONTEXT_TOKENS_MAX, sequences: SEQUENCES_MAX, threads, graphicsMemoryBytesMax };
}
