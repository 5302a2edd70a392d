/** Port for the time since the machine started: it includes sleep, and nobody can set it. */

export interface Uptime {
  /** Milliseconds since the machine started. */
  sinceStartMs(): number;
  /** Differs between two starts of the machine; null where the system has no such ID. */
  readonly startId: string | null;
}
