/** Public interface of the Bittensor adapter. */
export { hotkeys } from './hotkeys.ts';
