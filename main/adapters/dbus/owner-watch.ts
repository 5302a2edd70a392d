/**
 * Has GNOME's compositor report the owner's return (`org.gnome.Mutter.IdleMonitor`). A watch of Mutter fires once,
 * so each absence needs a new one.
 */
import type { BusConnection, MethodCall } from './connection.ts';
import { MUTTER } from './queries.ts';

export interface OwnerWatch {
  /** Call after each poll: adds a watch while the owner is away. Null if Mutter reported no idle time. */
  update(idleSeconds: number | null): Promise<void>;
}

/** Below this idle time the owner is working and no watch is added, so that typing costs nothing. */
const AWAY_SECONDS = 1;
const ADD_WATCH: MethodCall = { ...MUTTER, member: 'AddUserActiveWatch' };

/** `onReturn` is called immediately when the owner returns. */
export function createOwnerWatch(bus: BusConnection, onReturn: () => void): OwnerWatch {
  let watch: unknown = null;
  let isAdding = false;
  /** A signal that arrived before the reply with the watch's ID was read. */
  let early: unknown = null;

  bus.onSignal(({ path, member, body }) => {
    if (path !== MUTTER.path || member !== 'WatchFired') return;
    const [fired] = body;
    if (isAdding) early = fired;
    else if (watch !== null && fired === watch) handleReturn();
  });

  function handleReturn(): void {
    watch = null;
    onReturn();
  }

  return {
    async update(idleSeconds) {
      if (idleSeconds === null || idleSeconds < AWAY_SECONDS) {
        // Mutter is gone with its watches, or the owner is back and the poll noticed it.
        watch = null;
        return;
      }
      if (watch !== null || isAdding) return;
      isAdding = true;
      early = null;
      watch = await bus.call(ADD_WATCH);
      isAdding = false;
      if (watch !== null && early === watch) handleReturn();
    },
  };
}
