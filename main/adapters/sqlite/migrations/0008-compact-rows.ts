/**
 * Stores a job in one compact row: columns for lookups, its remaining fields and its timeline compressed, its receipt
 * without what the job already says. Texts that many rows share (models, peers, channels, accounts) are stored once.
 * The ledger's entries keep their hashes, which cover the same text as before.
 *
 * Everything that it converts with is written down in this file: later changes to the stores' code don't reach it.
 */
import { hash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import type { Database } from 'better-sqlite3';
import type { Migration } from '../migration.ts';

const PAGE = 1_000;

export const compactRows: Migration = {
  version: 8,
  sql: `
    -- Texts that many rows refer to by number. A text is never changed or deleted.
    CREATE TABLE shared_text (
      number INTEGER PRIMARY KEY,
      text TEXT NOT NULL UNIQUE,
      checksum TEXT NOT NULL
    ) STRICT;

    DROP INDEX job_by_time;
    DROP INDEX job_by_state;
    DROP INDEX job_unclaimed;
    DROP INDEX job_unsettled;
    ALTER TABLE job RENAME TO job_before;
    ALTER TABLE job_event RENAME TO job_event_before;

    -- id: 16 bytes for a UUID, otherwise text. side: 0 sold, 1 bought. paid: 0 no, 1 claimed, 2 settled.
    -- state: 0 admitted, 1 running, 2 delivered, 3 charged, 4 claimed, 5 settled, 6 aborted, 7 failed, 8 refused.
    -- model, peer, payer, channel, asset, signer: numbers of shared texts. Amounts are decimal text.
    -- signer and signature are the parts of the receipt that body lacks; both are null where body has it whole or there
    -- is none. body: see job-body.ts.
    CREATE TABLE job (
      number INTEGER PRIMARY KEY,
      id ANY NOT NULL UNIQUE,
      side INTEGER NOT NULL CHECK (side IN (0, 1)),
      state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 8),
      paid INTEGER NOT NULL CHECK (paid BETWEEN 0 AND 2),
      created_at_ms INTEGER NOT NULL,
      model INTEGER NOT NULL REFERENCES shared_text (number),
      peer INTEGER NOT NULL REFERENCES shared_text (number),
      payer INTEGER REFERENCES shared_text (number),
      channel INTEGER REFERENCES shared_text (number),
      asset INTEGER REFERENCES shared_text (number),
      input_tokens INTEGER,
      output_tokens INTEGER,
      charged TEXT,
      cumulative TEXT,
      signer INTEGER REFERENCES shared_text (number),
      signature BLOB CHECK (length(signature) = 64),
      body BLOB NOT NULL,
      checksum TEXT NOT NULL,
      -- 0 unfinished, 1 served, 2 failed.
      outcome INTEGER GENERATED ALWAYS AS (CASE WHEN state < 3 THEN 0 WHEN state < 6 THEN 1 ELSE 2 END) VIRTUAL,
      -- What is left to do for an ended job: 1 claim its charge, 2 pay it out; null when nothing is.
      due INTEGER GENERATED ALWAYS AS (CASE
        WHEN state < 3 THEN NULL
        WHEN side = 0 AND paid = 0 AND charged <> '0' THEN 1
        WHEN side = 0 AND paid = 1 THEN 2
      END) VIRTUAL
    ) STRICT;

    -- With row numbers, because a record of a channel fills half a page: without them, half of it would lie in a second
    -- one, and each change would write both.
    CREATE TABLE record_with_number (
      collection TEXT NOT NULL,
      key TEXT NOT NULL,
      value TEXT NOT NULL CHECK (json_valid(value)),
      checksum TEXT,
      UNIQUE (collection, key)
    ) STRICT;
    INSERT INTO record_with_number SELECT collection, key, value, checksum FROM record ORDER BY collection, key;
    DROP TABLE record;
    ALTER TABLE record_with_number RENAME TO record;

    -- The channel first, so that both accounts of one charge are in one page.
    CREATE TABLE ledger_sum_of_channel (
      channel_id TEXT NOT NULL,
      account TEXT NOT NULL,
      amount TEXT NOT NULL,
      PRIMARY KEY (channel_id, account)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO ledger_sum_of_channel SELECT channel_id, account, amount FROM ledger_channel_sum;
    DROP TABLE ledger_channel_sum;
    ALTER TABLE ledger_sum_of_channel RENAME TO ledger_channel_sum;

    DROP INDEX ledger_posting_by_kind;
    DROP TRIGGER ledger_posting_no_update;
    DROP TRIGGER ledger_posting_no_delete;
    DROP TRIGGER ledger_posting_only_new;
    ALTER TABLE ledger_posting RENAME TO ledger_posting_before;

    -- key: the 16 bytes of a job's UUID for that job's charge, otherwise text. job: like job.id; null where key has it,
    -- empty where key has it and the entry is of no job.
    -- kind, description, model, peer: numbers of shared texts. lines: JSON of [account, asset, amount, channel], with
    -- numbers of shared texts except for the amount. The hashed text is unchanged: see ledger-chain.ts.
    CREATE TABLE ledger_posting (
      sequence INTEGER PRIMARY KEY,
      hash BLOB CHECK (length(hash) = 32),
      key ANY NOT NULL UNIQUE,
      at_ms INTEGER NOT NULL,
      kind INTEGER NOT NULL REFERENCES shared_text (number),
      description INTEGER NOT NULL REFERENCES shared_text (number),
      job ANY,
      model INTEGER REFERENCES shared_text (number),
      peer INTEGER REFERENCES shared_text (number),
      tx_hash TEXT,
      reverses ANY REFERENCES ledger_posting (key),
      lines TEXT NOT NULL CHECK (json_valid(lines))
    ) STRICT;
  `,
  fill(database) {
    const texts = createTexts(database);
    convertJobs(database, texts);
    convertPostings(database, texts);
    database.exec(`
      DROP TABLE job_event_before;
      DROP TABLE job_before;
      DROP TABLE ledger_posting_before;
      CREATE INDEX job_by_time ON job (side, outcome, created_at_ms);
      -- Partial: after a while most jobs are paid out.
      CREATE INDEX job_due ON job (due, channel) WHERE due IS NOT NULL;
      CREATE INDEX ledger_posting_by_kind ON ledger_posting (kind);
      CREATE UNIQUE INDEX ledger_posting_reversed ON ledger_posting (reverses) WHERE reverses IS NOT NULL;
      CREATE TRIGGER ledger_posting_no_update BEFORE UPDATE ON ledger_posting
        BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
      CREATE TRIGGER ledger_posting_no_delete BEFORE DELETE ON ledger_posting
        BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
      -- INSERT OR REPLACE deletes conflicting rows without firing the trigger above, so it is rejected beforehand.
      CREATE TRIGGER ledger_posting_only_new BEFORE INSERT ON ledger_posting
        WHEN NEW.sequence <= (SELECT max(sequence) FROM ledger_posting)
          OR EXISTS (SELECT 1 FROM ledger_posting WHERE key = NEW.key)
          OR (NEW.reverses IS NOT NULL AND EXISTS (SELECT 1 FROM ledger_posting WHERE reverses = NEW.reverses))
        BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
      CREATE TRIGGER shared_text_no_update BEFORE UPDATE ON shared_text
        BEGIN SELECT RAISE(ABORT, 'shared texts are immutable'); END;
      CREATE TRIGGER shared_text_no_delete BEFORE DELETE ON shared_text
        BEGIN SELECT RAISE(ABORT, 'shared texts are immutable'); END;
      CREATE TRIGGER shared_text_only_new BEFORE INSERT ON shared_text
        WHEN EXISTS (SELECT 1 FROM shared_text WHERE number = NEW.number OR text = NEW.text)
        BEGIN SELECT RAISE(ABORT, 'shared texts are immutable'); END;
    `);
  },
};

/** Returns the number of a text, which is stored when it is needed for the first time. */
type NumberOf = (text: string) => number;

function createTexts(database: Database): NumberOf {
  const numbers = new Map<string, number>();
  const insert = database.prepare('INSERT INTO shared_text (number, text, checksum) VALUES (?, ?, ?)');
  return (text) => {
    const known = numbers.get(text);
    if (known !== undefined) return known;
    const number = numbers.size + 1;
    insert.run(number, text, checksum(number, text));
    numbers.set(text, number);
    return number;
  };
}

/** 16 hexadecimal digits of the sha256 over the JSON of the values, bytes as hexadecimal text. */
function checksum(...values: readonly unknown[]): string {
  const plain = values.map((value) => (Buffer.isBuffer(value) ? value.toString('hex') : value));
  return hash('sha256', JSON.stringify(plain)).slice(0, 16);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const CHARGE_KEY = /^job:(.{36}):charged$/;
const TRANSACTION = /^0x[0-9a-f]{64}$/;

function shortId(id: string): Buffer | string {
  return UUID.test(id) ? Buffer.from(id.replaceAll('-', ''), 'hex') : id;
}

function shortKey(key: string): Buffer | string {
  const id = CHARGE_KEY.exec(key)?.[1];
  return id !== undefined && UUID.test(id) ? shortId(id) : key;
}

const STATES = [
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
const PAID = ['no', 'claimed', 'settled'];

/** First byte of a body that is plain JSON, with which no compressed one can begin. */
const PLAIN = 0x07;

/** A job as its JSON text had it. Fields that were added later are missing in old ones. */
interface OldJob {
  readonly [field: string]: unknown;
}

interface OldEvent {
  readonly at_ms: number;
  readonly state: string;
  readonly note: string | null;
}

function convertJobs(database: Database, numberOf: NumberOf): void {
  const page = database.prepare('SELECT id, body, paid FROM job_before WHERE id > ? ORDER BY id LIMIT ?');
  const events = database.prepare(
    'SELECT at_ms, state, note FROM job_event_before WHERE job_id = ? ORDER BY position',
  );
  const insert = database.prepare(`
    INSERT INTO job (id, side, state, paid, created_at_ms, model, peer, payer, channel, asset, input_tokens,
      output_tokens, charged, cumulative, signer, signature, body, checksum)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  for (let after = ''; ; ) {
    const rows = page.all(after, PAGE) as { id: string; body: string; paid: string }[];
    for (const { id, body, paid } of rows) {
      const job = { ...(JSON.parse(body) as OldJob), id };
      const columns = [...columnsOf(job, PAID.indexOf(paid), numberOf)];
      columns.push(...receiptAndBody(job, events.all(id) as OldEvent[], numberOf));
      insert.run(...columns, checksum(...columns));
      after = id;
    }
    if (rows.length < PAGE) return;
  }
}

/** Returns the values of the columns before `signer`, in their order. */
function columnsOf(job: OldJob, paid: number, numberOf: NumberOf): unknown[] {
  const shared = (field: unknown) => (typeof field === 'string' ? numberOf(field) : null);
  const state = STATES.indexOf(String(job.state));
  return [
    shortId(String(job.id)),
    job.side === 'bought' ? 1 : 0,
    state < 0 ? STATES.indexOf('failed') : state,
    paid,
    Math.trunc(Number(job.createdAtMs ?? 0)),
    numberOf(String(job.model ?? '')),
    numberOf(String(job.peer ?? '')),
    shared(job.payer),
    shared(job.channelId),
    shared(job.assetId),
    job.inputTokens ?? null,
    job.outputTokens ?? null,
    job.charged ?? null,
    job.cumulative ?? null,
  ];
}

/** Returns the values of `signer`, `signature` and `body`. */
function receiptAndBody(job: OldJob, events: readonly OldEvent[], numberOf: NumberOf): unknown[] {
  const receipt = typeof job.receipt === 'string' ? splitReceipt(job.receipt) : null;
  const rest = [
    job.startedAtMs ?? null,
    job.firstTokenAtMs ?? null,
    job.endedAtMs ?? null,
    job.decodeTokensPerSecond ?? null,
    job.finishReason ?? null,
    job.error ?? null,
    job.continues ?? null,
    job.continuedBy ?? null,
    events.map(({ at_ms: atMs, state, note }) => [
      atMs,
      STATES.indexOf(state),
      note !== null && TRANSACTION.test(note) ? numberOf(note) : note,
    ]),
    receipt === null ? (job.receipt ?? null) : null,
  ];
  if (typeof job.receipt !== 'string') {
    return [null, null, Buffer.concat([Buffer.of(PLAIN), Buffer.from(JSON.stringify(rest))])];
  }
  const text = receipt === null ? JSON.stringify(rest) : `${JSON.stringify(rest)}\0${receipt.payload}`;
  const dictionary = Buffer.from(dictionaryOf(job, receipt?.signer ?? ''));
  const body = deflateRawSync(text, { level: 9, windowBits: 12, memLevel: 5, dictionary });
  return [receipt === null ? null : numberOf(receipt.signer), receipt?.signature ?? null, body];
}

interface Receipt {
  readonly signer: string;
  readonly payload: string;
  readonly signature: Buffer;
}

/** Returns null for a receipt that its parts wouldn't restore exactly. */
function splitReceipt(jws: string): Receipt | null {
  const parts = jws.split('.').map((part) => Buffer.from(part, 'base64url'));
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || header === undefined || payload === undefined || signature?.length !== 64) {
    return null;
  }
  const signer = /^\{"alg":"EdDSA","kid":"([0-9A-Za-z]{1,100})"\}$/.exec(header.toString())?.[1];
  const text = payload.toString();
  if (signer === undefined || text.includes('\0')) return null;
  const restored = [Buffer.from(`{"alg":"EdDSA","kid":"${signer}"}`), Buffer.from(text), signature];
  return restored.map((part) => part.toString('base64url')).join('.') === jws
    ? { signer, payload: text, signature }
    : null;
}

function dictionaryOf(job: OldJob, signer: string): string {
  const created = String(Math.trunc(Number(job.createdAtMs ?? 0)));
  const field = (value: unknown) => (typeof value === 'string' ? value : '');
  return (
    '"engine-failed""receipt-refused","by requester"],"by owner"],"Recorded after a restart"],' +
    `[${created},${created},${created},1.2345,"length","stop",null,null,null,[[${created},0,null],` +
    `[${created},1,null],[${created},2,null],[${created},3,null]],null]\0{"job":"${field(job.id)}",` +
    `"peer":"${signer}","modelSha256":"","inputTokens":1,"outputTokens":1,"price":{"input":"1","output":"1"},` +
    `"assetId":"${field(job.assetId)}","channelId":"${field(job.channelId)}","charged":"1","cumulative":"1",` +
    `"tokenHash":"","finishReason":"stop","atMs":${created}}`
  );
}

interface OldPosting {
  readonly sequence: number;
  readonly hash: string | null;
  readonly key: string;
  readonly at_ms: number;
  readonly kind: string;
  readonly description: string;
  readonly job_id: string | null;
  readonly model: string | null;
  readonly peer: string | null;
  readonly tx_hash: string | null;
  readonly reverses: string | null;
  readonly lines: string;
}

function convertPostings(database: Database, numberOf: NumberOf): void {
  const page = database.prepare(
    'SELECT * FROM ledger_posting_before WHERE sequence > ? ORDER BY sequence LIMIT ?',
  );
  const insert = database.prepare(`
    INSERT INTO ledger_posting (sequence, hash, key, at_ms, kind, description, job, model, peer, tx_hash, reverses, lines)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const shared = (text: string | null) => (text === null ? null : numberOf(text));
  for (let after = 0; ; ) {
    const rows = page.all(after, PAGE) as OldPosting[];
    for (const row of rows) {
      const key = shortKey(row.key);
      insert.run(
        row.sequence,
        // A hash that is none is damage, which stays visible.
        row.hash !== null && /^[0-9a-f]{64}$/.test(row.hash) ? Buffer.from(row.hash, 'hex') : null,
        key,
        row.at_ms,
        numberOf(row.kind),
        numberOf(row.description),
        jobColumn(row, typeof key !== 'string'),
        shared(row.model),
        shared(row.peer),
        row.tx_hash,
        row.reverses === null ? null : shortKey(row.reverses),
        shortLines(row.lines, numberOf),
      );
      after = row.sequence;
    }
    if (rows.length < PAGE) return;
  }
}

function jobColumn({ key, job_id: jobId }: OldPosting, isShort: boolean): Buffer | string | null {
  if (jobId === null) return isShort ? '' : null;
  return isShort && key === `job:${jobId}:charged` ? null : shortId(jobId);
}

/** Leaves a text that isn't a list of lines as it is: the hash doesn't match it either. */
function shortLines(lines: string, numberOf: NumberOf): string {
  const rows: unknown = JSON.parse(lines);
  const isList = Array.isArray(rows) && rows.every((row) => Array.isArray(row) && row.length === 4);
  if (!isList) return lines;
  const shared = (field: unknown) => (typeof field === 'string' ? numberOf(field) : null);
  return JSON.stringify(
    rows.map(([account, asset, amount, channel]) => [
      shared(account),
      shared(asset),
      amount,
      shared(channel),
    ]),
  );
}
