/** The formats of an export by name. */
import type { ExportFormat } from '../../../shared/exports.ts';
import { exportBeancount } from './beancount.ts';
import { exportCsv } from './csv.ts';
import type { ExportSources } from './sources.ts';
import { exportSummary, type PdfParts } from './summary-pdf.ts';
import { exportCoinTracker, exportKoinly } from './tax.ts';

export type { ExportFormat } from '../../../shared/exports.ts';

/** `pdf` is called by the format of this name only, so that its library is loaded for nothing else. */
export const EXPORTS = {
  csv: exportCsv,
  beancount: exportBeancount,
  koinly: exportKoinly,
  cointracker: exportCoinTracker,
  pdf: (sources: ExportSources, pdf: () => PdfParts) => exportSummary(sources, pdf()),
} as const satisfies Record<ExportFormat, (sources: ExportSources, pdf: () => PdfParts) => Iterable<string>>;
