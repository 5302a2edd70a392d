// Verifies: the window tells what the start does from its first second.
// Setup: the real app with the real agent of the practice network in a temporary data folder, driven over Node's
//   inspector.
// Fails if: the window is empty while the agent starts, or shows anything but the steps of the start.
// Alone: the first words of the window are timed.
import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { STARTUP_STEPS } from '../../shared/startup.ts';
import { text } from '../../shared/strings/index.ts';
import { until } from './app.ts';
import { IS_UP, openPlainApp, type PlainApp, SENTENCE } from './plain-app.ts';

const AGENT_MS_MAX = 90_000;
/** For the hook, which starts an agent. */
const SLOW = { timeout: 2 * AGENT_MS_MAX };
const FIRST_WORD_MS_MAX = 1_000;

let app: PlainApp;
/** Sentences of the start, with the time since the window was on the screen. */
const seen: { readonly sentence: string; readonly atMs: number }[] = [];

before(async () => {
  // An empty folder: this is a first start, which takes the longest.
  app = await openPlainApp({ home: await mkdtemp(join(tmpdir(), 'idlewatt-first-')) });
  await until(
    'the window',
    () => app.evaluate<boolean>('shell?.windowVisible() ?? false'),
    (visible) => visible,
  );
  const shownMs = performance.now();
  const look = async () => {
    const sentence = await app.inPage<string>(SENTENCE);
    if (sentence && seen.at(-1)?.sentence !== sentence) {
      seen.push({ sentence, atMs: performance.now() - shownMs });
    }
    return app.inPage<boolean>(IS_UP);
  };
  await until('the pages', look, (isUp) => isUp === true, AGENT_MS_MAX);
}, SLOW);
after(() => app.close());

test('the window names a step of the start within a second, and only such steps until the pages are there', () => {
  const steps = [
    ...STARTUP_STEPS.map((step) => text('en', `startup.step.${step}`)),
    text('en', 'startup.reading'),
  ];
  assert.ok(seen[0] && seen[0].atMs < FIRST_WORD_MS_MAX, JSON.stringify(seen));
  assert.ok(seen.length >= 2, JSON.stringify(seen));
  for (const { sentence } of seen) assert.ok(steps.includes(sentence), sentence);
});
