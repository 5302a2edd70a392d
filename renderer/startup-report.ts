/** The last report of the agent's start, from the shell or the page server. */
import { type Startup, startupSchema } from '../shared/startup.ts';

let reported: Startup | null = null;
const listeners = new Set<() => void>();

export function reportStartup(startup: Startup): void {
  reported = startup;
  for (const listener of listeners) listener();
}

/** Null before the first report. */
export function reportedStartup(): Startup | null {
  return reported;
}

export function subscribeToStartup(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Follows the shell's reports; in a browser there are none. */
export function followShell(): void {
  window.idlewatt?.onStartup((report) => {
    const startup = startupSchema.safeParse(report);
    if (startup.success) reportStartup(startup.data);
  });
}
