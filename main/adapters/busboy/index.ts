/** Public interface of the busboy adapter: reads forms with files. */
export { readForm } from './read-form.ts';
