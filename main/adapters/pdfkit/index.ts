/** Public interface of the pdfkit adapter. Loaded only when a document is made. */
export { createPdf } from './document.ts';
