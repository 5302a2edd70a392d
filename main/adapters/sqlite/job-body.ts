/**
 * Stored form of the fields of a job that no lookup needs, of its timeline and of its receipt: JSON, compressed against
 * what the row's columns already say. Fixed by migrations 8 and 10: rows that were written before must stay readable.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { forceUnwrap } from '../../../shared/assert.ts';
import type { Job, JobEvent, JobKey, JobState } from '../../../shared/jobs.ts';

/** By stored number; the order must never change. */
export const STATES: readonly JobState[] = [
  'admitted',
  'running',
  'delivered',
  'charged',
  'claimed',
  'settled',
  'aborted',
  'failed',
  'refused',
];

/** Maps texts that many rows share to their numbers, and back. */
export interface TextNumbers {
  numberOf(text: string): number;
  textOf(number: number): string;
}

/** The parts of a receipt that are stored in columns of their own; null where the body has the whole receipt. */
export interface ReceiptColumns {
  readonly signer: string | null;
  readonly signature: Buffer | null;
}

export interface StoredBody extends ReceiptColumns {
  readonly body: Buffer;
}

/** The fields of a job that its columns have, and that its body is compressed against. */
export type ColumnFields = Pick<Job, 'id' | 'createdAtMs' | 'channelId' | 'assetId'>;
export type BodyFields = Pick<
  Job,
  | 'startedAtMs'
  | 'firstTokenAtMs'
  | 'endedAtMs'
  | 'decodeTokensPerSecond'
  | 'finishReason'
  | 'error'
  | 'continues'
  | 'continuedBy'
  | 'receipt'
  | 'apiKey'
>;

/**
 * First byte of a body that is plain JSON: no compressed one can begin with it. A job without a receipt is in progress,
 * or has little to compress.
 */
const PLAIN = 0x07;

/**
 * Bytes that the body of an unfinished job is filled up to: about what receipt, signature, charge and the steps of its
 * payment will take. A row that grows pushes its neighbors to other pages, which are all written again.
 */
const ROOM_BYTES = 320;

/** Size of zlib's buffers, of which each call allocates one: a text has one to two kilobytes. */
const CHUNK_BYTES = 2_048;

const TRANSACTION = /^0x[0-9a-f]{64}$/;

type Event = readonly [atMs: number, state: number, note: string | number | null];

/** The fields in their order, as JSON. */
type Body = [
  startedAtMs: number | null,
  firstTokenAtMs: number | null,
  endedAtMs: number | null,
  decodeTokensPerSecond: number | null,
  finishReason: string | null,
  error: string | null,
  continues: string | null,
  continuedBy: string | null,
  events: readonly Event[],
  receipt: string | null,
  // Numbers of shared texts: ID and name of the API key. Only in jobs that have one, since migration 10.
  apiKey?: readonly [id: number, name: number | null],
];

const isNumber = (value: unknown) => value === null || typeof value === 'number';
const isText = (value: unknown) => value === null || typeof value === 'string';

function isEvent(value: unknown): value is Event {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [atMs, state, note] = value as unknown[];
  return typeof atMs === 'number' && Number.isInteger(state) && (isText(note) || isNumber(note));
}

/** By hand, because every verification does it for every job: a schema takes four times as long. */
function isBody(value: unknown): value is Body {
  if (!Array.isArray(value) || value.length < 10 || value.length > 11) return false;
  const [events, receipt, key] = value.slice(8) as unknown[];
  return (
    value.slice(0, 4).every(isNumber) &&
    value.slice(4, 8).every(isText) &&
    Array.isArray(events) &&
    events.every(isEvent) &&
    isText(receipt) &&
    (key === undefined ||
      (Array.isArray(key) && key.length === 2 && Number.isInteger(key[0]) && isNumber(key[1])))
  );
}

export function encodeBody(job: Job, events: readonly JobEvent[], texts: TextNumbers): StoredBody {
  const receipt = job.receipt === null ? null : splitReceipt(job.receipt);
  const rest: Body = [
    job.startedAtMs,
    job.firstTokenAtMs,
    job.endedAtMs,
    job.decodeTokensPerSecond,
    job.finishReason,
    job.error,
    job.continues,
    job.continuedBy,
    events.map(({ atMs, state, note }) => [
      atMs,
      STATES.indexOf(state),
      // All jobs that a transaction pays for have its hash in their timeline.
      note !== null && TRANSACTION.test(note) ? texts.numberOf(note) : note,
    ]),
    receipt === null ? job.receipt : null,
  ];
  if (job.apiKey !== null) rest[10] = keyNumbers(job.apiKey, texts);
  if (job.receipt === null) {
    const text = JSON.stringify(rest);
    const isUnfinished = STATES.indexOf(job.state) < STATES.indexOf('charged');
    const body = Buffer.concat([
      Buffer.of(PLAIN),
      Buffer.from(isUnfinished ? text.padEnd(ROOM_BYTES) : text),
    ]);
    return { signer: null, signature: null, body };
  }
  const text = receipt === null ? JSON.stringify(rest) : `${JSON.stringify(rest)}\0${receipt.payload}`;
  const signer = receipt?.signer ?? null;
  return {
    signer,
    signature: receipt?.signature ?? null,
    body: deflateRawSync(text, {
      level: 9,
      windowBits: 12,
      memLevel: 5,
      chunkSize: CHUNK_BYTES,
      dictionary: dictionaryOf(job, signer),
    }),
  };
}

function keyNumbers({ id, name }: JobKey, texts: TextNumbers): [number, number | null] {
  return [texts.numberOf(id), name === null ? null : texts.numberOf(name)];
}

/** Throws for a body that isn't as it was written. */
export function decodeBody(
  columns: ColumnFields,
  stored: StoredBody,
  texts: TextNumbers,
): { readonly fields: BodyFields; readonly events: readonly JobEvent[] } {
  const text = textOf(columns, stored);
  const end = text.indexOf('\0');
  const rest: unknown = JSON.parse(end < 0 ? text : text.slice(0, end));
  if (!isBody(rest)) throw new Error('the body of a job has another form');
  return {
    fields: {
      startedAtMs: rest[0],
      firstTokenAtMs: rest[1],
      endedAtMs: rest[2],
      decodeTokensPerSecond: rest[3],
      finishReason: rest[4],
      error: rest[5],
      continues: rest[6],
      continuedBy: rest[7],
      apiKey: keyOf(rest[10], texts),
      receipt: end < 0 ? rest[9] : joinReceipt(stored, text.slice(end + 1)),
    },
    events: rest[8].map(([atMs, state, note]) => ({
      atMs,
      state: forceUnwrap('a state has a name', STATES[state]),
      note: typeof note === 'number' ? texts.textOf(note) : note,
    })),
  };
}

function keyOf(numbers: Body[10], texts: TextNumbers): JobKey | null {
  if (numbers === undefined) return null;
  const [id, name] = numbers;
  return { id: texts.textOf(id), name: name === null ? null : texts.textOf(name) };
}

function textOf(columns: ColumnFields, { body, signer }: StoredBody): string {
  if (body[0] === PLAIN) return body.toString('utf8', 1);
  return inflateRawSync(body, {
    dictionary: dictionaryOf(columns, signer),
    chunkSize: CHUNK_BYTES,
  }).toString();
}

interface ReceiptParts {
  readonly signer: string;
  readonly payload: string;
  readonly signature: Buffer;
}

/** Returns null for a receipt that its parts wouldn't restore exactly. */
function splitReceipt(jws: string): ReceiptParts | null {
  const parts = jws.split('.').map((part) => Buffer.from(part, 'base64url'));
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || header === undefined || payload === undefined || signature?.length !== 64) {
    return null;
  }
  const signer = /^\{"alg":"EdDSA","kid":"([0-9A-Za-z]{1,100})"\}$/.exec(header.toString())?.[1];
  const text = payload.toString();
  if (signer === undefined || text.includes('\0')) return null;
  return joinReceipt({ signer, signature }, text) === jws ? { signer, payload: text, signature } : null;
}

function joinReceipt({ signer, signature }: ReceiptColumns, payload: string): string {
  if (signer === null || signature === null) throw new Error('a receipt has its signer and its signature');
  return [Buffer.from(`{"alg":"EdDSA","kid":"${signer}"}`), Buffer.from(payload), signature]
    .map((part) => part.toString('base64url'))
    .join('.');
}

/** Returns a text like the one to compress, as far as the columns know it. Must never change. */
function dictionaryOf(job: ColumnFields, signer: string | null): Buffer {
  const created = String(job.createdAtMs);
  return Buffer.from(
    '"engine-failed""receipt-refused","by requester"],"by owner"],"Recorded after a restart"],' +
      `[${created},${created},${created},1.2345,"length","stop",null,null,null,[[${created},0,null],` +
      `[${created},1,null],[${created},2,null],[${created},3,null]],null]\0{"job":"${job.id}",` +
      `"peer":"${signer ?? ''}","modelSha256":"","inputTokens":1,"outputTokens":1,"price":{"input":"1","output":"1"},` +
      `"assetId":"${job.assetId ?? ''}","channelId":"${job.channelId ?? ''}","charged":"1","cumulative":"1",` +
      `"tokenHash":"","finishReason":"stop","atMs":${created}}`,
  );
}
