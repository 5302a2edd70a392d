/** Public interface of the Bittensor module. */
export { createHotkeyAccess, type HotkeyAccess, type HotkeyAccessParts } from './access.ts';
