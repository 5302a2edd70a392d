/** Reasons for which a loaded engine must not serve: it lacks its sandbox, or computes on a CPU that the owner turned off. */
import type { Settings } from '../../../shared/settings.ts';
import type { LoadedModel } from '../../ports/engine.ts';
import type { SettingsService } from '../settings/index.ts';
import { isUnconfined } from './confinement.ts';

export interface Block {
  readonly reason: 'unconfined' | 'processor-off';
  /** Choice of GPUs with which the engine was loaded. */
  readonly graphics: string;
}

export interface BlockParts {
  readonly requiresSandbox: boolean;
  readonly settings: Pick<SettingsService, 'get'>;
}

/** Text for the log. */
export const BLOCKED: Readonly<Record<Block['reason'], string>> = {
  unconfined: 'The engine has no sandbox here; nothing is served until the owner agrees',
  'processor-off':
    'The engine found no GPU that it can use, and the owner turned the CPU off; nothing is served',
};

/** Returns null if the engine may serve. */
export function blockOf(
  loaded: Pick<LoadedModel, 'backend' | 'sandbox'>,
  { requiresSandbox, settings }: BlockParts,
): Block | null {
  const chosen = settings.get();
  const graphics = graphicsOf(chosen);
  if (requiresSandbox && !chosen.serveUnconfined && isUnconfined(loaded.sandbox)) {
    return { reason: 'unconfined', graphics };
  }
  return chosen.processorOff && loaded.backend === 'cpu' ? { reason: 'processor-off', graphics } : null;
}

/** True once the owner changed what blocks; with another choice of GPUs the engine is loaded again to see what it finds. */
export function isLifted({ reason, graphics }: Block, { requiresSandbox, settings }: BlockParts): boolean {
  const chosen = settings.get();
  if (reason === 'unconfined') return !requiresSandbox || chosen.serveUnconfined;
  return !chosen.processorOff || graphicsOf(chosen) !== graphics;
}

function graphicsOf({ graphicsOff, graphicsMemoryBytesMax }: Settings): string {
  return JSON.stringify([graphicsOff, graphicsMemoryBytesMax]);
}
