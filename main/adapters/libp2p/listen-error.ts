/** The reason why a node could not listen. */
import { AppError } from '../../../shared/errors.ts';

export function listenError(cause: unknown, listen: readonly string[]): AppError {
  const details = { listen: [...listen] };
  return `${cause} ${cause instanceof AggregateError ? cause.errors.join(' ') : ''}`.includes('EADDRINUSE')
    ? new AppError('port-in-use', 'The port for peers is used by another program.', { cause, details })
    : new AppError('unsupported', 'This machine could not listen for peers.', { cause, details });
}
