/** Public interface of what reads the past for pages. */
export { createHistory, type History } from './history.ts';
