/** GNOME tells when its owner is back, once for each time that it is asked to (Mutter's `org.gnome.Mutter.IdleMonitor`). */
import type { BusConnection, Question } from './connection.ts';
import { MUTTER } from './questions.ts';

export interface OwnerWatch {
  /** After each look: asks to be told while the owner is away. Null when Mutter did not say how long. */
  look(idleSeconds: number | null): Promise<void>;
}

/** Who is away for less is at work: typing costs nothing. */
const AWAY_SECONDS = 1;
const ASK_TO_BE_TOLD: Question = { ...MUTTER, member: 'AddUserActiveWatch' };

/** `back` is called at once when the owner is. */
export function createOwnerWatch(bus: BusConnection, back: () => void): OwnerWatch {
  let watch: unknown = null;
  let asking = false;
  /** Told before the answer that names the watch was read. */
  let early: unknown = null;

  bus.onSignal(({ path, member, body }) => {
    if (path !== MUTTER.path || member !== 'WatchFired') return;
    const [fired] = body;
    if (asking) early = fired;
    else if (watch !== null && fired === watch) told();
  });

  function told(): void {
    watch = null;
    back();
  }

  return {
    async look(idleSeconds) {
      if (idleSeconds === null || idleSeconds < AWAY_SECONDS) {
        // Mutter is gone with its watches, or the owner is here and was seen.
        watch = null;
        return;
      }
      if (watch !== null || asking) return;
      asking = true;
      early = null;
      watch = await bus.ask(ASK_TO_BE_TOLD);
      asking = false;
      if (watch !== null && early === watch) told();
    },
  };
}
