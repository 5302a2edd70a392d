/**
 * Verifies: what a buyer measured at a provider is remembered over restarts, fades with time, and stays within bounds.
 * Setup: records in memory, whose snapshot simulates a restart; a clock that the test moves.
 * Fails if: a restart forgets a failure, old failures weigh like new ones, a stranger with many names fills the store, a
 *   damaged record ends the agent.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createExperience, NO_EXPERIENCE, STRANGER } from '../../../main/core/reputation/index.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createMemoryRecordStore, type MemoryRecordStore } from '../../fakes/record-store.ts';

const SHA = 'a'.repeat(64);
const DAY_MS = 86_400_000;

function setUp(records: MemoryRecordStore = createMemoryRecordStore()) {
  const clock = manualClock(1_700_000_000_000);
  return { records, clock, experience: createExperience({ records, clock }) };
}

it('remembers failures and speeds over a restart, once they are saved', () => {
  const { records, clock, experience } = setUp();
  experience.noteEnd('p', SHA, { kind: 'delivered', tokensPerSecond: 20 });
  experience.noteEnd('p', SHA, { kind: 'failed' });
  experience.noteFirstToken('p', SHA, 300);
  assert.equal(records.list('experience').length, 0, 'not with each request');
  clock.advance(10_000);
  const restarted = setUp(createMemoryRecordStore(records.snapshot()));
  const again = restarted.experience.of('p', SHA);
  assert.deepEqual([again.seen, again.tokensPerSecond, again.firstTokenMs?.mean], [2, 20, 300]);
  assert.ok(again.failureRate > STRANGER.failureRate);
  restarted.clock.advance(10_000);
  assert.equal(restarted.experience.of('p', SHA).failureRate, experience.of('p', SHA).failureRate);
});

it('fades: a failure weighs half after 14 days, and a clock that was set back adds nothing', () => {
  const { clock, experience } = setUp();
  experience.noteEnd('p', SHA, { kind: 'failed' });
  experience.noteEnd('p', SHA, { kind: 'failed' });
  clock.setTimeBy(-100 * DAY_MS);
  assert.equal(experience.of('p', SHA).seen, 2);
  clock.setTimeBy(114 * DAY_MS);
  assert.equal(experience.of('p', SHA).seen, 1);
});

it('a false bill weighs more than any number of requests of a usual week', () => {
  const { experience } = setUp();
  for (let served = 0; served < 40; served += 1)
    experience.noteEnd('p', SHA, { kind: 'delivered', tokensPerSecond: 20 });
  experience.noteEnd('p', SHA, { kind: 'cheated' });
  assert.equal(experience.of('p', SHA).standing, 0);
});

it('counts the failures of strangers under other names for the next stranger', () => {
  const { records, experience } = setUp();
  for (let name = 0; name < 30; name += 1) experience.noteEnd(`ring-${name}`, SHA, { kind: 'failed' });
  const next = experience.of('ring-30', SHA).failureRate;
  assert.ok(next > 0.7, `${next}`);
  experience.save();
  assert.equal(
    setUp(createMemoryRecordStore(records.snapshot())).experience.of('new', SHA).failureRate,
    next,
  );
});

it('keeps at most 1,000 providers and 8 models of each, on disk too', () => {
  const { records, experience } = setUp();
  for (let peer = 0; peer < 1_500; peer += 1) {
    experience.noteEnd(`p${peer}`, SHA, { kind: 'delivered', tokensPerSecond: 1 });
    if (peer % 300 === 0) experience.save();
  }
  for (let model = 0; model < 20; model += 1)
    experience.noteFirstToken('p1499', String(model).padStart(64, 'a'), 100);
  experience.save();
  const stored = records.list('experience');
  assert.equal(stored.length, 1_000);
  const last = JSON.parse(stored.find(({ key }) => key === 'p1499')?.value ?? '{}');
  assert.deepEqual([Object.keys(last.models).length, experience.of('p0', SHA).seen], [8, 0]);
  assert.equal(experience.of('p1499', '19'.padStart(64, 'a')).firstTokenMs?.mean, 100, 'the latest one');
});

it('peers that only sent an offer take no place of those that were bought from', () => {
  const { records, experience } = setUp();
  experience.noteEnd('p', SHA, { kind: 'delivered', tokensPerSecond: 1 });
  for (let peer = 0; peer < 20_000; peer += 1) experience.noteRoundTrip(`other-${peer}`, 20);
  experience.save();
  assert.equal(experience.of('p', SHA).seen, 1);
  assert.equal(records.list('experience').length, 1);
  assert.deepEqual(
    [experience.of('other-0', SHA).roundTripMs, experience.of('other-19999', SHA).roundTripMs],
    [null, 20],
  );
});

it('counts own requests in progress, and forgets that a provider was busy in time', () => {
  const { clock, experience } = setUp();
  const [first, second] = [experience.begin('p'), experience.begin('p')];
  assert.equal(experience.of('p', SHA).inProgress, 2);
  first();
  first();
  assert.equal(experience.of('p', SHA).inProgress, 1);
  second();
  experience.noteBusy('p', 5_000);
  assert.deepEqual([experience.of('p', SHA).inProgress, experience.of('p', SHA).isBusy], [0, true]);
  clock.advance(5_000);
  assert.equal(experience.of('p', SHA).isBusy, false);
});

it('damaged records and impossible measurements are ignored (property)', () => {
  fc.assert(
    fc.property(fc.json(), fc.double(), (value, measured) => {
      const records = createMemoryRecordStore();
      records.set('experience', 'p', value);
      records.set('experience-of-strangers', 'all', value);
      const { experience } = setUp(records);
      experience.noteFirstToken('p', SHA, measured);
      experience.noteRoundTrip('p', measured);
      experience.noteEnd('p', SHA, { kind: 'delivered', tokensPerSecond: measured });
      const { failureRate, standing, firstTokenMs } = experience.of('p', SHA);
      assert.ok(failureRate > 0 && failureRate < 1 && standing >= 0 && standing < 1);
      assert.ok((firstTokenMs?.mean ?? 0) >= 0);
      experience.save();
    }),
  );
});

it('without experience every provider is a stranger', () => {
  NO_EXPERIENCE.noteEnd('p', SHA, { kind: 'failed' });
  assert.deepEqual(
    [NO_EXPERIENCE.of('p', SHA).failureRate, NO_EXPERIENCE.of('p', SHA).standing],
    [STRANGER.failureRate, STRANGER.standing],
  );
});
