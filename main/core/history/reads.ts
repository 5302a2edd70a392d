/**
 * Reads the past for pages: lists of jobs, sums of earnings, ledger entries, exports. Nothing here writes, so that a process
 * of its own can run it: a page that reads a year must not hold up a job.
 */
import type { ExportFormat } from '../../../shared/exports.ts';
import type { Asset } from '../../../shared/money.ts';
import type { JobRecords } from '../../ports/jobs.ts';
import type { Posting, PostingKind } from '../../ports/ledger.ts';
import type { RateSource } from '../../ports/rates.ts';
import type { Calendar } from '../calendar/index.ts';
import { type DeviceChange, type DeviceEarnings, earningsByDevice } from '../earnings/index.ts';
import { EXPORTS, type PdfParts } from '../exports/index.ts';
import { type FoundJobs, type JobPage, listJobs } from '../jobs/index.ts';
import type { DayEarnings, Ledger, ModelEarnings, NetworkEarnings } from '../ledger/index.ts';

export interface ExportRequest {
  readonly format: ExportFormat;
  /** `fromMs <= time < toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Arguments and results are plain values, which can be sent to another process. */
export interface HistoryReads {
  /** Newest first, as stored: see {@link Jobs.withRunning}. */
  jobs(page: JobPage): FoundJobs;
  earningsByDay(assetId: string, coinId: string, days: number): readonly DayEarnings[];
  earningsByModel(assetId: string, days: number): readonly ModelEarnings[];
  earningsByNetwork(assetId: string, days: number): NetworkEarnings;
  earningsByDevice(
    assetId: string,
    days: number,
    changes: readonly DeviceChange[],
  ): readonly DeviceEarnings[];
  /** Newest first. */
  entries(filter: { readonly kind?: PostingKind; readonly limit: number }): readonly Posting[];
  export(request: ExportRequest): Iterable<string>;
}

export interface HistoryParts {
  readonly records: Pick<JobRecords, 'list'>;
  readonly ledger: Pick<
    Ledger,
    'earningsByDay' | 'earningsByModel' | 'earningsByNetwork' | 'earningsByQuarter' | 'entries' | 'pages'
  >;
  readonly calendar: Calendar;
  readonly assetOf: (id: string) => Asset | null;
  /** As they are when an export begins. */
  readonly rates: () => RateSource;
  readonly pdf: () => PdfParts;
}

export function createHistoryReads({
  records,
  ledger,
  calendar,
  assetOf,
  rates,
  pdf,
}: HistoryParts): HistoryReads {
  return {
    jobs: (page) => listJobs(records, page),
    earningsByDay: ledger.earningsByDay,
    earningsByModel: ledger.earningsByModel,
    earningsByNetwork: ledger.earningsByNetwork,
    earningsByDevice: (assetId, days, changes) =>
      earningsByDevice(ledger.earningsByQuarter(assetId, days), changes),
    entries: ledger.entries,
    export: ({ format, fromMs, toMs }) =>
      EXPORTS[format](
        {
          ...{ pages: () => ledger.pages(), fromMs, toMs, assetOf },
          rates: rates(),
          dayOf: calendar.day,
        },
        pdf,
      ),
  };
}
