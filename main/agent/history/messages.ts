/** Messages between the agent and the process that reads the past for pages. */
import { z } from 'zod';
import { ERROR_CODES } from '../../../shared/errors.ts';
import type { ExportRequest, HistoryReads } from '../../core/history/index.ts';

/** The calls that the process runs. An export is read in pieces: null ends it. */
export interface ReaderCalls extends Omit<HistoryReads, 'export'> {
  beginExport(request: ExportRequest): Promise<void>;
  nextPiece(): string | null;
}

export type ReaderCall = keyof ReaderCalls;

export interface ReaderRequest {
  readonly id: number;
  readonly call: ReaderCall;
  readonly args: readonly unknown[];
}

export const readerReportSchema = z.union([
  z.object({ id: z.number(), value: z.unknown() }),
  z.object({ id: z.number(), code: z.enum(ERROR_CODES).nullable(), message: z.string() }),
]);
export type ReaderReport = z.infer<typeof readerReportSchema>;
