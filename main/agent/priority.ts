/** Lowers the priority of a command that reads for long. Imported first: loading the code takes half a second as well. */
import { readsForLong } from '../agent-commands/is-command.ts';
import { lowerPriority } from '../ports/priority.ts';

if (readsForLong(process.argv.slice(2))) lowerPriority();
