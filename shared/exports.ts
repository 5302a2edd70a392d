/** Formats in which the ledger can be exported, on the page and in the terminal. */
import { z } from 'zod';

export const EXPORT_FORMATS = ['csv', 'beancount', 'koinly', 'cointracker', 'pdf'] as const;
export const exportFormatSchema = z.enum(EXPORT_FORMATS);
export type ExportFormat = z.infer<typeof exportFormatSchema>;

/** File name extension of each format. */
export const EXPORT_EXTENSIONS: Readonly<Record<ExportFormat, string>> = {
  csv: 'csv',
  beancount: 'beancount',
  koinly: 'csv',
  cointracker: 'csv',
  pdf: 'pdf',
};
