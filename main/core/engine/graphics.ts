/** Chooses the GPUs that the engine may use. A GPU that the owner turned off is never touched. */
import { deviceId, GRAPHICS_DRIVER_BYTES } from '../../../shared/devices.ts';
import type { GraphicsChoice } from '../../ports/engine-process.ts';
import type { Device } from '../../ports/machine.ts';

/** GPUs with less memory of their own are integrated ones, which hold hardly a layer. */
const GRAPHICS_BYTES_MIN = 2 * 1024 ** 3;

/** A GPU as named by a driver that can restrict which GPUs a process sees. */
export interface NamedCard {
  readonly name: string | null;
  readonly uuid: string | null;
}

/**
 * Returns the GPUs to use. `off` holds device ids (shared/devices.ts). If the remaining GPUs cannot be named to the
 * engine, none is used: slow is better than using a GPU that the owner turned off. None is used either if `bytesMax`,
 * the owner's limit over all GPUs, would be taken up by the drivers alone.
 */
export function chooseGraphics(
  devices: readonly Device[],
  off: readonly string[],
  named: readonly NamedCard[],
  bytesMax: number | null = null,
): GraphicsChoice {
  const cards = devices.filter(({ kind }) => kind === 'gpu');
  const on = cards.flatMap((_, index) =>
    off.includes(deviceId(cards, index)) ? [] : [deviceId(cards, index)],
  );
  if (bytesMax !== null && bytesMax <= on.length * GRAPHICS_DRIVER_BYTES) return { kind: 'none' };
  if (on.length === cards.length) return { kind: 'all' };
  const known = named.flatMap(({ name, uuid }) => (name === null || uuid === null ? [] : [{ name, uuid }]));
  const uuids = on.map((id) => known.find((_, index) => deviceId(known, index) === id)?.uuid);
  const found = uuids.filter((uuid) => uuid !== undefined);
  return on.length === 0 || found.length < on.length ? { kind: 'none' } : { kind: 'some', uuids: found };
}

/**
 * Returns the memory that models may take on the GPUs that are on, in bytes: without what their drivers take, and at most
 * `bytesMax`. Null if there is none worth using, or if it is the machine's own.
 */
export function graphicsMemory(
  devices: readonly Device[],
  off: readonly string[],
  bytesMax: number | null = null,
): number | null {
  const cards = devices.filter(({ kind }) => kind === 'gpu');
  const own = cards.flatMap(({ memoryBytes }, index) =>
    off.includes(deviceId(cards, index)) || (memoryBytes ?? 0) < GRAPHICS_BYTES_MIN ? [] : [memoryBytes ?? 0],
  );
  if (own.length === 0) return null;
  const free = own.reduce((sum, bytes) => sum + bytes - GRAPHICS_DRIVER_BYTES, 0);
  return bytesMax === null ? free : Math.min(free, bytesMax - own.length * GRAPHICS_DRIVER_BYTES);
}
