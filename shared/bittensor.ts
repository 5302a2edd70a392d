/** Requests that a Bittensor hotkey signed: which hotkeys may send them, and how their jobs name them. */
import { z } from 'zod';

/** Hotkeys that one owner allows. */
export const BITTENSOR_HOTKEYS_MAX = 64;
/** SS58 of a 32-byte key with Bittensor's prefix (42). The checksum is checked where an owner enters it. */
export const bittensorHotkeySchema = z.string().regex(/^5[1-9A-HJ-NP-Za-km-z]{47}$/);

export const HOTKEY_NAME_CHARACTERS_MAX = 60;
/** Names that the owner gives to hotkeys, by address. */
export const hotkeyNamesSchema = z.record(
  bittensorHotkeySchema,
  z.string().trim().min(1).max(HOTKEY_NAME_CHARACTERS_MAX),
);
export type HotkeyNames = z.infer<typeof hotkeyNamesSchema>;

/** The service for requests that hotkeys sign, as pages show it. */
export const bittensorStateSchema = z.object({
  /** Address on which it listens; null: it doesn't. */
  url: z.string().nullable(),
  /** This machine's own; null without the service. */
  hotkey: z.string().nullable(),
});
export type BittensorState = z.infer<typeof bittensorStateSchema>;

const PREFIX = 'bittensor:';

/** Name of a hotkey where a job has the ID of its peer. */
export function hotkeyPeer(address: string): string {
  return PREFIX + address;
}

/** Address of the hotkey that {@link hotkeyPeer} named. */
export function hotkeyOf(peer: string): string {
  return peer.slice(PREFIX.length);
}

/** Title of a hotkey for people: the owner's name for it, or its last characters. */
export function hotkeyTitle(peer: string, names: HotkeyNames): string {
  return names[hotkeyOf(peer)] ?? `Bittensor …${peer.slice(-8)}`;
}

export function isHotkeyPeer(peer: string): boolean {
  return peer.startsWith(PREFIX);
}
