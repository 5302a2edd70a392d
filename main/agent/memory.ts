/**
 * Keeps the agent's memory small: it is idle most of the time, and V8's defaults trade memory for speed that it
 * doesn't need. Imported before everything else, so that the flags apply to all code that is loaded afterwards.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--optimize-for-size');
setFlagsFromString('--max-semi-space-size=2');
