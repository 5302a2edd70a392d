/** Public interface of the zip adapter. */
export { type ZipMember, zipTexts } from './zip.ts';
