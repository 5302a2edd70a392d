/**
 * Keeps the agent small: it waits most of its life, and V8's defaults trade memory for speed that it does not
 * need. Imported before everything else, so that the flags hold for all code that is loaded after.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--optimize-for-size');
setFlagsFromString('--max-semi-space-size=2');
