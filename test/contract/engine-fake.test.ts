/**
 * Verifies: the fake engine fulfills the port's contract.
 * Setup: the shared suite.
 * Fails if: the fake behaves unlike the real engine, so that tests that rely on it prove nothing.
 */
import { createFakeEngine } from '../fakes/engine.ts';
import { describeEngine, SUITE_LOAD } from './engine-suite.ts';

describeEngine('fake engine', async () => {
  const engine = createFakeEngine({ loaded: SUITE_LOAD });
  return { engine, crash: async () => engine.crash(), close: () => engine.stop() };
});
