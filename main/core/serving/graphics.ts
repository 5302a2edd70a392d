/** Chooses the GPUs for the next engine process: those that the owner left on. */
import type { Settings } from '../../../shared/settings.ts';
import type { GraphicsChoice } from '../../ports/engine-process.ts';
import type { Device, MachineReader } from '../../ports/machine.ts';
import { chooseGraphics, graphicsMemory } from '../engine/index.ts';

export interface Graphics {
  /** Choice for an engine process that starts now. */
  choice(): GraphicsChoice;
  /** Chooses again; returns whether the choice has changed. */
  refresh(): Promise<boolean>;
  /** Memory for models on those GPUs, in bytes; null if the CPU computes, or before the devices were read. */
  memoryBytes(): number | null;
  /** Reads the devices. */
  read(): Promise<void>;
}

export function createGraphics(parts: {
  readonly machine: Pick<MachineReader, 'inventory'>;
  readonly settings: () => Pick<Settings, 'graphicsOff' | 'graphicsMemoryBytesMax'>;
  /** GPUs with their driver's IDs, where a driver can be given a choice; read only while a GPU is turned off. */
  readonly named: () => Promise<readonly { readonly name: string | null; readonly uuid: string | null }[]>;
}): Graphics {
  const { machine, settings, named } = parts;
  let choice: GraphicsChoice = { kind: 'all' };
  let devices: readonly Device[] = [];
  const read = async () => {
    ({ devices } = await machine.inventory());
  };
  return {
    choice: () => choice,
    async refresh() {
      const { graphicsOff, graphicsMemoryBytesMax } = settings();
      await read();
      const cards = graphicsOff.length === 0 ? [] : await named();
      const next = chooseGraphics(devices, graphicsOff, cards, graphicsMemoryBytesMax);
      const changed = JSON.stringify(next) !== JSON.stringify(choice);
      choice = next;
      return changed;
    },
    memoryBytes() {
      const { graphicsOff, graphicsMemoryBytesMax } = settings();
      return choice.kind === 'none' ? null : graphicsMemory(devices, graphicsOff, graphicsMemoryBytesMax);
    },
    read,
  };
}
