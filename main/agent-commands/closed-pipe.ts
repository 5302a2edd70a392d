/** Ends the process quietly when the reader of its output closes the pipe. */
import { isClosedPipe } from './system-failures.ts';

/** Node reports a closed pipe of `console.log` as an event, which would otherwise end the process as a bug. */
export function endAtClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (!isClosedPipe(error)) throw error;
      process.exit();
    });
  }
}
