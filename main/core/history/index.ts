/** Public interface of the history module. */
export { createHistoryReads, type ExportRequest, type HistoryParts, type HistoryReads } from './reads.ts';
