/** Turns jobs with their timelines into rows and back without loss. */
import { forceUnwrap } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Job, type JobEvent, jobSchema } from '../../../shared/jobs.ts';
import type { ReadHandle, Value, WriteHandle } from './handles.ts';
import { decodeBody, encodeBody, STATES, type TextNumbers } from './job-body.ts';
import { rowChecksum } from './row-checksums.ts';
import { findNumber, numberOf, textOf } from './shared-texts.ts';
import { longId, type ShortId, shortId } from './short-ids.ts';

/** By stored number; the orders must never change. */
export const SIDES: readonly Job['side'][] = ['sold', 'bought'];
export const PAID = ['no', 'claimed', 'settled'] as const;
export type Paid = (typeof PAID)[number];

/** A job with what belongs to it, as one row stores them. */
export interface KeptJob {
  readonly job: Job;
  /** Oldest first. */
  readonly events: readonly JobEvent[];
  readonly paid: Paid;
}

/** As the schema of a job has it. */
const AMOUNT = /^-?\d{1,78}$/;

interface JobRow {
  readonly id: ShortId;
  readonly side: number;
  readonly state: number;
  readonly paid: number;
  readonly created_at_ms: number;
  readonly model: number;
  readonly peer: number;
  readonly payer: number | null;
  readonly channel: number | null;
  readonly asset: number | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly charged: string | null;
  readonly cumulative: string | null;
  readonly signer: number | null;
  readonly signature: Buffer | null;
  readonly body: Buffer;
}

const COLUMNS: readonly (keyof JobRow)[] = [
  'id',
  'side',
  'state',
  'paid',
  'created_at_ms',
  'model',
  'peer',
  'payer',
  'channel',
  'asset',
  'input_tokens',
  'output_tokens',
  'charged',
  'cumulative',
  'signer',
  'signature',
  'body',
];

const INSERT = `INSERT INTO job (${COLUMNS.join(', ')}, checksum)
  VALUES (${COLUMNS.map(() => '?').join(', ')}, ?)`;
/** Without the ID, whose index would be written again, too. */
const CHANGED = COLUMNS.slice(1);
const UPDATE = `UPDATE job SET ${CHANGED.map((column) => `${column} = ?`).join(', ')}, checksum = ? WHERE id = ?`;
const SELECT = `SELECT ${COLUMNS.join(', ')} FROM job`;

export function insertJob(writer: WriteHandle, kept: KeptJob): void {
  const values = toValues(writer, kept);
  writer.run(INSERT, ...values, rowChecksum(...values));
}

/** Replaces the row of a job that exists. */
export function replaceJob(writer: WriteHandle, kept: KeptJob): void {
  const [id = null, ...values] = toValues(writer, kept);
  writer.run(UPDATE, ...values, rowChecksum(id, ...values), id);
}

export function findJob(reader: ReadHandle, id: string): KeptJob | null {
  const row = reader.get<JobRow>(`${SELECT} WHERE id = ?`, shortId(id));
  return row === null ? null : toKept(reader, row);
}

/** `rest` follows the columns: the conditions, the order and the limit. */
export function selectKept(reader: ReadHandle, rest: string, ...values: Value[]): KeptJob[] {
  return reader.all<JobRow>(`${SELECT} ${rest}`, ...values).map((row) => toKept(reader, row));
}

/** Like {@link selectKept}, without timelines. */
export function selectJobs(reader: ReadHandle, rest: string, ...values: Value[]): Job[] {
  return selectKept(reader, rest, ...values).map(({ job }) => job);
}

/** Returns the number of a shared text for a condition; no row has the one for an unknown text. */
export function numberFor(reader: ReadHandle, text: string): number {
  return findNumber(reader, text) ?? -1;
}

function toValues(writer: WriteHandle, { job: given, events, paid }: KeptJob): Value[] {
  const job = jobSchema.parse(given);
  const shared = (text: string | null) => (text === null ? null : numberOf(writer, text));
  const { signer, signature, body } = encodeBody(job, events, textNumbers(writer));
  return [
    shortId(job.id),
    SIDES.indexOf(job.side),
    STATES.indexOf(job.state),
    PAID.indexOf(paid),
    job.createdAtMs,
    shared(job.model),
    shared(job.peer),
    shared(job.payer),
    shared(job.channelId),
    shared(job.assetId),
    job.inputTokens,
    job.outputTokens,
    job.charged,
    job.cumulative,
    shared(signer),
    signature,
    body,
  ];
}

function toKept(reader: ReadHandle, row: JobRow): KeptJob {
  const id = longId(row.id);
  try {
    const texts = textNumbers(reader);
    const shared = (number: number | null) => (number === null ? null : texts.textOf(number));
    const columns = {
      id,
      side: forceUnwrap('a side has a name', SIDES[row.side]),
      state: forceUnwrap('a state has a name', STATES[row.state]),
      createdAtMs: row.created_at_ms,
      model: texts.textOf(row.model),
      peer: texts.textOf(row.peer),
      payer: shared(row.payer),
      channelId: shared(row.channel),
      assetId: shared(row.asset),
      inputTokens: row.input_tokens,
      outputTokens: row.output_tokens,
      charged: amountOf(row.charged),
      cumulative: amountOf(row.cumulative),
    };
    const stored = { signer: shared(row.signer), signature: row.signature, body: row.body };
    const { fields, events } = decodeBody(columns, stored, texts);
    // The table's types and the checks above are those of the schema, which takes as long as all the rest.
    return { job: { ...columns, ...fields }, events, paid: PAID[row.paid] ?? 'no' };
  } catch (cause) {
    throw new AppError(
      'database-corrupt',
      `Job "${id}" is unreadable. Nothing was changed. Stop Idlewatt and restore a backup of the data folder.`,
      { cause, details: { id } },
    );
  }
}

function amountOf(text: string | null): string | null {
  if (text !== null && !AMOUNT.test(text)) throw new Error('an amount is a whole number');
  return text;
}

function textNumbers(handle: ReadHandle | WriteHandle): TextNumbers {
  return {
    numberOf: (text) => numberOf(handle as WriteHandle, text),
    textOf(number) {
      const text = textOf(handle, number);
      if (text === null) throw new Error(`shared text ${number} is missing`);
      return text;
    },
  };
}
