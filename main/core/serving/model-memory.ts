/** Memory in which models are computed: that of the GPUs that are on, as long as an engine uses them, and the machine's. */
import { deviceKindOf } from '../../../shared/devices.ts';
import type { Engine } from '../../ports/engine.ts';
import type { ModelMemory } from '../models/index.ts';
import type { Graphics } from './graphics.ts';

/** `machineBytes`: memory of the machine that models may count on. */
export function createModelMemory(parts: {
  readonly engine: Pick<Engine, 'onStatus'>;
  readonly graphics: Pick<Graphics, 'memoryBytes'>;
  readonly machineBytes: () => number;
}): () => ModelMemory {
  let computesOnProcessor = false;
  parts.engine.onStatus((status) => {
    // A driver without a usable library leaves a GPU unused. An engine server may use other GPUs.
    const kind = status.state === 'ready' ? deviceKindOf(status.loaded.backend) : null;
    if (kind !== null) computesOnProcessor = kind === 'cpu';
  });
  return () => ({
    machineBytes: parts.machineBytes(),
    graphicsBytes: computesOnProcessor ? null : parts.graphics.memoryBytes(),
  });
}
