/**
 * Loaded into each process that runs a test file, with the query `?exitMsMax=N`. Ends the process if something still
 * keeps it alive N milliseconds after its last test, for example the work of a test that exceeded its time limit; the
 * file then fails instead of hanging. On Linux it also ends the processes that the tests started, since a left-over
 * agent would slow down the files after it. A signal to no process in particular fails, because it would end the whole run.
 */
import { readFileSync } from 'node:fs';
import { after } from 'node:test';
import { isMainThread } from 'node:worker_threads';

// Threads inherit the flag that loads this file.
if (isMainThread) {
  // Processes that a test forks must not inherit the test runner's flags.
  process.execArgv.length = 0;
  process.kill = killOne(process.kill.bind(process));
  const exitMsMax = Number(new URL(import.meta.url).searchParams.get('exitMsMax'));
  after(() => {
    const timer = setTimeout(() => {
      process.stderr.write(
        `${process.argv[1]} is still running ${exitMsMax / 1_000} s after its last test. A test left a timer, a server or a process open.\n`,
      );
      for (const pid of childProcesses()) process.kill(pid, 'SIGTERM');
      process.exit(1);
    }, exitMsMax);
    timer.unref();
  });
}

function childProcesses(): number[] {
  if (process.platform !== 'linux') return [];
  const list = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
  return list
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);
}

/** Returns a `kill` that refuses 0 and negative numbers, which mean groups of processes. */
function killOne(kill: typeof process.kill): typeof process.kill {
  return (pid, signal) => {
    if (!(pid > 0)) throw new RangeError(`${pid} is not the ID of one process`);
    return kill(pid, signal);
  };
}
