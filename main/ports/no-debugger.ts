/**
 * Keeps debuggers out of Idlewatt's processes. In a Node process, SIGUSR1 opens a debugger on loopback, with which any
 * program of the same user could read the wallet's keys from memory.
 */
const FLAG = '--disable-sigusr1';

/** Flags for a Node process that this process starts with its own executable. Empty where Node doesn't know the flag. */
export function noDebuggerFlags(): string[] {
  return process.allowedNodeEnvironmentFlags.has(FLAG) ? [FLAG] : [];
}

/**
 * Makes this process ignore SIGUSR1, however it was started: a listener replaces Node's own handler. Until the call only
 * the flag protects it, so call it first. A debugger that was requested with `--inspect` is unaffected.
 */
export function refuseDebugger(): void {
  process.on('SIGUSR1', () => undefined);
}
