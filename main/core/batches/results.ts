/** The results of lines, as they are stored and as the output and error files have them. */
import type { StoredBatch } from '../../../shared/batches.ts';
import type { BatchLine, BatchStore } from '../../ports/batches.ts';
import type { LineBody } from '../gateway/index.ts';
import { lineId } from './ids.ts';

/** The part of a result that is stored until the files are written. */
export type LineResult =
  | { readonly response: { readonly status: number; readonly body: LineBody } }
  | { readonly error: { readonly code: string; readonly message: string } };

/** Errors of lines that were never answered. */
export const LINE_ERRORS = {
  expired: {
    code: 'batch_expired',
    message: 'This request could not be executed before the completion window expired.',
  },
  cancelled: {
    code: 'batch_cancelled',
    message: 'This request was not executed before the batch was canceled.',
  },
  lost: {
    code: 'answer_lost',
    message: 'The provider charged for this request, and its answer was lost. It was not bought again.',
  },
  incomplete: {
    code: 'answer_incomplete',
    message: 'Providers broke off the answer to this request three times.',
  },
} as const;

/** Lines that are read together. */
const GROUP = 100;

/** Yields the lines of the output or of the error file. `error` is that of lines that were never answered. */
export async function* resultLines(
  store: BatchStore,
  batch: StoredBatch,
  kind: 'output' | 'errors',
  error: { readonly code: string; readonly message: string },
): AsyncGenerator<string, void> {
  const states = kind === 'output' ? (['answered'] as const) : (['failed', 'waiting', 'sent'] as const);
  for (const state of states) {
    let after = 0;
    for (;;) {
      const lines = store.lines(batch.id, state, after, GROUP);
      const last = lines.at(-1);
      if (last === undefined) break;
      after = last.line;
      yield lines.map((line) => `${JSON.stringify(resultLine(line, error))}\n`).join('');
    }
  }
}

/** A line of a file. OpenAI's clients ignore `idlewatt`: what the line has cost, and the jobs that it consists of. */
function resultLine(line: BatchLine, unanswered: { readonly code: string; readonly message: string }) {
  const { batchId, customId, jobs, charged } = line;
  const id = lineId(batchId, line.line);
  const result: LineResult = line.result === null ? { error: unanswered } : JSON.parse(line.result);
  const response =
    'response' in result
      ? { status_code: result.response.status, request_id: id, body: result.response.body }
      : null;
  const error = 'error' in result ? result.error : null;
  return { id, custom_id: customId, response, error, idlewatt: { charged, jobs } };
}
