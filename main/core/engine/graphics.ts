/** Which graphics cards the engine may use: what the owner turned off is never touched. */
import { deviceId, GRAPHICS_DRIVER_BYTES } from '../../../shared/devices.ts';
import type { GraphicsChoice } from '../../ports/engine-process.ts';
import type { Device } from '../../ports/machine.ts';

/** As the driver of a vendor that can be told which cards to show names them. */
export interface NamedCard {
  readonly name: string | null;
  readonly uuid: string | null;
}

/**
 * `off` holds the ids of devices (shared/devices.ts). Where the cards that stay on cannot be named to the engine, none
 * is used: better slow than on the card that was turned off. None, too, where `bytesMax`, the owner's limit over all
 * cards, would go to their drivers alone.
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
