/** The global hot key, registered only while the setting is on. */
import { globalShortcut } from 'electron';
import { HAND_BACK_KEY } from '../../shared/hot-key.ts';

export interface HotKey {
  /** Registers the key, or releases it. */
  want(wanted: boolean): void;
}

/** Calls `onTaken` if another program has registered the key already. */
export function createHotKey(options: { readonly press: () => void; readonly onTaken: () => void }): HotKey {
  let wanted = false;
  return {
    want(next) {
      if (next === wanted) return;
      wanted = next;
      if (!wanted) globalShortcut.unregister(HAND_BACK_KEY);
      else if (!globalShortcut.register(HAND_BACK_KEY, options.press)) options.onTaken();
    },
  };
}
