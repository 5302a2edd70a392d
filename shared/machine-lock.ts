/**
 * The lock by which agents of two users of one machine don't compute at the same time. It is a port of loopback: the only
 * thing that every system has once per machine, that needs no rights and that ends with its process.
 */

/** Registered for nothing, and below the ports that systems give to outgoing connections. */
export const MACHINE_LOCK_PORT = 21_853;

const GREETING = /^idlewatt-machine 1 ([0-9a-f]{16})\n$/;

/** More bytes than a greeting has. */
export const GREETING_BYTES_MAX = 64;

/** The one line that a holder sends to each connection. `user` is 16 hex digits. */
export function greetingOf(user: string): string {
  return `idlewatt-machine 1 ${user}\n`;
}

/** Returns the user of a holder; null for any other text. */
export function readGreeting(text: string): string | null {
  return GREETING.exec(text)?.[1] ?? null;
}
