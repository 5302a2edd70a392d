/** Public interface of the Bittensor module. */
export { createHotkeyDoor, type HotkeyDoor, type HotkeyDoorParts } from './door.ts';
