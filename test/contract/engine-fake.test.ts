/**
 * Goal: the fake engine keeps the port's contract. Method: the shared suite. What would break: tests of
 * other rooms that pass on a fake which behaves unlike the real engine.
 */
import { createFakeEngine } from '../fakes/engine.ts';
import { describeEngine, SUITE_LOAD } from './engine-suite.ts';

describeEngine('fake engine', async () => {
  const engine = createFakeEngine({ loaded: SUITE_LOAD });
  return { engine, crash: async () => engine.crash(), close: () => engine.stop() };
});
