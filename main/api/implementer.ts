/** The API's contract as the agent implements it: every procedure's failures are translated, and some need a role. */
import { implement, ORPCError } from '@orpc/server';
import { contract } from '../../shared/api/contract.ts';
import type { ApiErrorData } from '../../shared/api/errors.ts';
import { AppError, type ErrorCode } from '../../shared/errors.ts';
import type { PortRole } from '../../shared/host.ts';
import { internalErrorMessage } from '../../shared/incident.ts';
import type { Log } from '../ports/log.ts';

/** The caller's role, which is decided when the connection is made, never by its messages. */
export interface ApiContext {
  readonly role: PortRole;
}

export type ApiImplementer = ReturnType<typeof createImplementer>;
/** Procedures that only the desktop shell and the owner's terminal may call. */
export type ShellImplementer = ReturnType<typeof forShellOnly>;

const HTTP_CODES: Partial<Record<ErrorCode, string>> = {
  'bad-request': 'BAD_REQUEST',
  'not-found': 'NOT_FOUND',
  'not-permitted': 'FORBIDDEN',
  busy: 'CONFLICT',
};
const SERVER_ERROR_STATUS_MIN = 500;

export function createImplementer(log: Log) {
  return implement(contract)
    .$context<ApiContext>()
    .use(async ({ next, path }) => {
      try {
        return await next();
      } catch (error) {
        throw toApiError(error, path, log);
      }
    });
}

export function forShellOnly(shell: ApiImplementer['shell']) {
  return shell.use(({ context, next }) => {
    if (context.role !== 'shell') {
      throw new AppError('not-permitted', 'Only the desktop shell may do this.');
    }
    return next();
  });
}

/** Translates failures of a stream, which arise after the procedure itself has returned. */
export async function* translated<T>(
  stream: AsyncIterable<T>,
  path: readonly string[],
  log: Log,
): AsyncGenerator<T, void, void> {
  try {
    yield* stream;
  } catch (error) {
    throw toApiError(error, path, log);
  }
}

/** Keeps the code and the sentence of an expected failure; logs any other and names only its incident. */
function toApiError(error: unknown, path: readonly string[], log: Log): unknown {
  if (error instanceof ORPCError && error.status < SERVER_ERROR_STATUS_MIN) return error;
  if (error instanceof AppError) {
    return new ORPCError(HTTP_CODES[error.code] ?? 'UNPROCESSABLE_CONTENT', {
      message: error.message,
      data: { code: error.code } satisfies ApiErrorData,
    });
  }
  const incident = log.error('A call of the API failed.', error, { procedure: path.join('.') });
  return new ORPCError('INTERNAL_SERVER_ERROR', {
    message: internalErrorMessage(incident),
    data: { incident } satisfies ApiErrorData,
  });
}
