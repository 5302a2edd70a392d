/**
 * Verifies: engines that compute at the same time divide what the owner permits, and one alone has all of it.
 * Setup: fake engines whose number of running answers the test sets.
 * Fails if: two engines compute with all threads at the same time, together exceed the duty cycle, or one stays limited when
 *   the other has ended.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createEngineShares, type SharingEngine, shareOf } from '../../../main/core/engine/index.ts';
import type { EngineStatus } from '../../../main/ports/engine.ts';

test('engines together stay within the threads and the duty cycle (property)', () => {
  const any = fc.record({
    duty: fc.integer({ min: 10, max: 100 }),
    threads: fc.integer({ min: 1, max: 64 }),
  });
  fc.assert(
    fc.property(any, fc.integer({ min: 2, max: 5 }), ({ duty, threads }, engines) => {
      const share = shareOf(duty, threads, engines);
      assert.ok(share.threads !== null && share.threads >= 1 && share.threads <= threads);
      assert.ok(engines * share.threads * share.dutyPercent <= threads * duty + engines);
      if (threads >= engines) assert.equal(share.dutyPercent, duty, 'threads are divided first');
    }),
  );
  assert.deepEqual(shareOf(80, 4, 1), { dutyPercent: 80, threads: null });
  assert.deepEqual(shareOf(80, null, 2), { dutyPercent: 40, threads: null }, 'a GPU takes turns');
});

function fakeEngine(backend: string, pid: number | null = 1) {
  let listener: (status: EngineStatus) => void = () => undefined;
  let active = 0;
  const given = { duty: 0, threads: null as number | null };
  const status = () =>
    ({ state: 'ready', pid, activeSequences: active, loaded: { backend, threads: 4 } }) as EngineStatus;
  const engine: SharingEngine = {
    status,
    onStatus(next) {
      listener = next;
      return () => undefined;
    },
    setDuty(percent) {
      given.duty = percent;
    },
    setThreadsMax(threads) {
      given.threads = threads;
    },
  };
  const run = (count: number) => {
    active = count;
    listener(status());
  };
  return { engine, given, run };
}

test('an engine gets a share while another one on the same device has jobs, and all again afterwards', () => {
  const shares = createEngineShares();
  const [first, second, card, server] = [
    fakeEngine('cpu'),
    fakeEngine('cpu'),
    fakeEngine('cuda'),
    fakeEngine('ollama', null),
  ];
  for (const { engine } of [first, second, card, server]) shares.add(engine);
  shares.setDuty(60);
  first.run(1);
  card.run(2);
  server.run(1);
  assert.deepEqual(first.given, { duty: 60, threads: null });
  second.run(3);
  assert.deepEqual(
    [first.given, second.given].map(({ threads }) => threads),
    [2, 2],
  );
  assert.deepEqual(
    [card.given, server.given].map(({ duty }) => duty),
    [60, 60],
  );
  first.run(0);
  assert.deepEqual([first.given.threads, second.given.threads], [null, null]);
});
