/** Requests that a Bittensor hotkey signed: which hotkeys may send them, and how their jobs name them. */
import { z } from 'zod';

/** Hotkeys that one owner allows. */
export const BITTENSOR_HOTKEYS_MAX = 64;
/** SS58 of a 32-byte key with Bittensor's prefix (42). The checksum is checked where an owner enters it. */
export const bittensorHotkeySchema = z.string().regex(/^5[1-9A-HJ-NP-Za-km-z]{47}$/);

const PREFIX = 'bittensor:';

/** Name of a hotkey where a job has the ID of its peer. */
export function hotkeyPeer(address: string): string {
  return PREFIX + address;
}

export function isHotkeyPeer(peer: string): boolean {
  return peer.startsWith(PREFIX);
}
