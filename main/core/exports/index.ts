/** Public interface of the exports module. */
export { exportBeancount } from './beancount.ts';
export { exportCsv } from './csv.ts';
export { EXPORTS, type ExportFormat } from './formats.ts';
export { NO_RATES, rateTable } from './rates.ts';
export type { ExportSources } from './sources.ts';
export type { PdfParts } from './summary-pdf.ts';
