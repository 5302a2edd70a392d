/**
 * Entry of the process that reads the past for pages: it has its own connection to the database, which can't write, and
 * exits when the agent is gone.
 */
import { forceUnwrap } from '../../../shared/assert.ts';
import { isAppError } from '../../../shared/errors.ts';
import { openBesideAgent } from '../../adapters/sqlite/index.ts';
import { createCalendar } from '../../core/calendar/index.ts';
import { createHistoryReads } from '../../core/history/index.ts';
import { createLedger } from '../../core/ledger/index.ts';
import { createDayRates } from '../../core/rates/index.ts';
import { systemClock } from '../../ports/clock.ts';
import { refuseDebugger } from '../../ports/no-debugger.ts';
import type { CreatePdf } from '../../ports/pdf.ts';
import { lowerPriority } from '../../ports/priority.ts';
import { knownAssets } from '../known-assets.ts';
import type { ReaderCalls, ReaderReport, ReaderRequest } from './messages.ts';

refuseDebugger();
// Serving comes first, and the engine that serves has this priority.
lowerPriority();
process.on('disconnect', () => process.exit(0));

const database = openBesideAgent(process.argv[2] ?? '');
const calendar = createCalendar(Intl.DateTimeFormat().resolvedOptions().timeZone);
const assets = knownAssets();
let createPdf: CreatePdf | null = null;
const { export: exported, ...reads } = createHistoryReads({
  records: database.jobs,
  ledger: createLedger({ store: database.ledger, clock: systemClock, calendar }),
  calendar,
  assetOf: (id) => assets.get(id) ?? null,
  rates: () => createDayRates(database.records).source,
  pdf: () => ({ create: forceUnwrap('it was loaded before', createPdf), nowMs: systemClock.now() }),
});

let pieces: Iterator<string> | null = null;
const calls: ReaderCalls = {
  ...reads,
  async beginExport(request) {
    if (request.format === 'pdf') ({ createPdf } = await import('../../adapters/pdfkit/index.ts'));
    pieces = inPieces(exported(request))[Symbol.iterator]();
  },
  nextPiece: () => pieces?.next().value ?? null,
};

// The first page shouldn't wait until the code is compiled.
calls.jobs({ outcome: 'all', limit: 50 });

process.on('message', (request: ReaderRequest) => void answer(request));

async function answer({ id, call, args }: ReaderRequest): Promise<void> {
  let report: ReaderReport;
  try {
    report = { id, value: await (calls[call] as (...args: readonly unknown[]) => unknown)(...args) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    report = { id, code: isAppError(error) ? error.code : null, message };
  }
  process.send?.(report);
}

/** Pieces are sent in messages of about this many characters: below the limit of a message, few for a large ledger. */
const PIECE_CHARACTERS = 64 * 1024;

function* inPieces(texts: Iterable<string>): Generator<string, void, void> {
  let piece = '';
  for (const text of texts) {
    piece += text;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
