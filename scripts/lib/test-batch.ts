/**
 * Runs the test files in its arguments one after the other in this process, each as a suite with the path as its name:
 * loading the program once for several files takes less time than the tests of many files. After each file, as after a
 * process of its own, nothing may be open that the file opened: its suite fails otherwise. The first argument is the
 * time for that in milliseconds.
 */
import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const CHECK_MS = 20;
/** As long as Node's timers run, about 25 days: only the tests in a file have a limit. */
const NO_LIMIT_MS = 2 ** 31 - 1;

const [limit, ...files] = process.argv.slice(2);
const exitMsMax = Number(limit);
// Node opens these at their first use, which would then count as left open by the file that uses them.
for (const stream of [process.stdin, process.stdout, process.stderr]) assert.ok(stream);
// While nothing else is open, node:test would end the run before the next file.
const keepAlive = setInterval(() => {}, NO_LIMIT_MS);
for (const file of files) await runFile(file);
clearInterval(keepAlive);

/** Resolves when the last test and hook of this file has ended; failures are reported by node:test. */
function runFile(file: string): Promise<void> {
  return new Promise((resolve) => {
    // A suite without a limit of its own has that of a test.
    describe(file, { timeout: NO_LIMIT_MS }, async () => {
      const before = process.getActiveResourcesInfo();
      try {
        await import(pathToFileURL(file).href);
      } catch (error) {
        resolve();
        throw error;
      }
      // The file registered its own hooks before this one, which therefore runs last.
      after(async () => {
        try {
          await waitUntilClosed(before);
        } finally {
          resolve();
        }
      });
    });
  });
}

async function waitUntilClosed(before: readonly string[]): Promise<void> {
  const endMs = performance.now() + exitMsMax;
  for (;;) {
    const left = added(before, process.getActiveResourcesInfo());
    if (left.length === 0) return;
    if (performance.now() > endMs) {
      throw new Error(`still open ${exitMsMax / 1_000} s after the last test: ${left.join(', ')}`);
    }
    await sleep(CHECK_MS);
  }
}

function added(before: readonly string[], now: readonly string[]): string[] {
  const left = [...now];
  for (const name of before) {
    const index = left.indexOf(name);
    if (index >= 0) left.splice(index, 1);
  }
  return left;
}
