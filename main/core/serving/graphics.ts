/** The cards that the owner left on, as the engine's next process is told. */
import type { Settings } from '../../shared/settings.ts';
import { chooseGraphics } from '../core/engine/index.ts';
import type { GraphicsChoice } from '../ports/engine-process.ts';
import type { MachineReader } from '../ports/machine.ts';

export interface Graphics {
  /** What a process that starts now is told. */
  choice(): GraphicsChoice;
  /** Looks anew; whether the choice is another than before. */
  refresh(): Promise<boolean>;
}

export function createGraphics(parts: {
  readonly machine: Pick<MachineReader, 'inventory'>;
  readonly settings: () => Pick<Settings, 'graphicsOff' | 'graphicsMemoryBytesMax'>;
  /** The cards that a driver names by ids of its own. */
  readonly named: () => Promise<readonly { readonly name: string | null; readonly uuid: string | null }[]>;
}): Graphics {
  const { machine, settings, named } = parts;
  let choice: GraphicsChoice = { kind: 'all' };
  return {
    choice: () => choice,
    async refresh() {
      const { graphicsOff, graphicsMemoryBytesMax } = settings();
      const { devices } = await machine.inventory();
      const cards = graphicsOff.length === 0 ? [] : await named();
      const next = chooseGraphics(devices, graphicsOff, cards, graphicsMemoryBytesMax);
      const changed = JSON.stringify(next) !== JSON.stringify(choice);
      choice = next;
      return changed;
    },
  };
}
