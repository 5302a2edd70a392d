/**
 * Gives each app that a desktop test starts a display of its own, so that no other app can take its focus or receive its
 * keys. Only on Linux; elsewhere windows open on the screen of the machine.
 */
import { openVirtualDisplay } from '../../scripts/lib/virtual-display.ts';
import { pressKeys } from '../../scripts/lib/virtual-input.ts';

const SCREEN = { width: 1400, height: 900 } as const;

export interface OwnDisplay {
  /** Environment variables for a program that opens windows there. */
  readonly env: Readonly<Record<string, string>>;
  /** Presses real keys by their X names; see {@link pressKeys}. */
  press(...keys: string[]): void;
  close(): Promise<void>;
}

export async function openOwnDisplay(): Promise<OwnDisplay> {
  if (process.platform !== 'linux') {
    return { env: {}, press: (...keys) => pressKeys({ DISPLAY: '' }, ...keys), close: async () => {} };
  }
  const { env, close } = await openVirtualDisplay(SCREEN);
  return { env: { ...env }, press: (...keys) => pressKeys(env, ...keys), close };
}
