/** Refuses debuggers in the agent's process. Imported before everything else, because the import alone does it. */
import { refuseDebugger } from '../ports/no-debugger.ts';

refuseDebugger();
