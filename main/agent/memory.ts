/**
 * Keeps the agent's memory small: it is idle most of the time, and V8's defaults trade memory for speed that it
 * doesn't need. Imported before everything else, so that the flag applies to all code that is loaded afterwards. What can't
 * be set any more is in `main/ports/process-flags.ts`.
 */
import { setFlagsFromString } from 'node:v8';
import { isCommand } from '../agent-commands/is-command.ts';

// A command computes until it ends: with this flag, a third of a verification's time goes to garbage collection.
if (!isCommand(process.argv.slice(2))) {
  setFlagsFromString('--optimize-for-size');
}
