/** Public interface of pairing: codes of the terminal, and the browsers that were paired with one. */
export { createPairing, type Pairing, type PairResult } from './pairing.ts';
