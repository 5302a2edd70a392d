/** The formats of an export by name. */
import type { ExportFormat } from '../../../shared/exports.ts';
import { exportBeancount } from './beancount.ts';
import { exportCsv } from './csv.ts';
import type { ExportSources } from './sources.ts';
import { exportCoinTracker, exportKoinly } from './tax.ts';

export type { ExportFormat } from '../../../shared/exports.ts';

export const EXPORTS: Readonly<Record<ExportFormat, (sources: ExportSources) => Iterable<string>>> = {
  csv: exportCsv,
  beancount: exportBeancount,
  koinly: exportKoinly,
  cointracker: exportCoinTracker,
};
