/**
 * Verifies: jobs make only allowed transitions, each charge is recorded exactly once with its step, and a crash at any
 * point loses neither.
 * Setup: jobs and ledger on one SQLite database in memory; properties over random sequences of states.
 * Fails if: a transition that the table lacks is stored, a charge is stored without its ledger entry or twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createJobs, NEXT_STATES, newJobId } from '../../../main/core/jobs/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { type JobState, jobStateSchema } from '../../../shared/jobs.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { soldJob } from './job-samples.ts';

const TOKEN = 'eip155:31337/0x01';
const STATES = jobStateSchema.options;

function setUp() {
  const clock = manualClock(1_000_000);
  const database = openDatabase(':memory:');
  const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar('UTC') });
  const jobs = createJobs({ records: database.jobs, store: database.records, ledger, clock });
  /** A job up to its charge, as the provider writes it. */
  const serve = (id: string, charged: string, cumulative: string, end: JobState = 'charged') => {
    jobs.insert(soldJob({ id }));
    jobs.update(id, { state: 'running' });
    jobs.update(id, { state: 'delivered', charged });
    jobs.update(id, { state: end, charged, cumulative, endedAtMs: clock.now() });
  };
  return { clock, database, ledger, jobs, serve };
}

test('any sequence of states: allowed steps are stored, others change nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STATES), { maxLength: 12 }), (walk) => {
      const { jobs, database } = setUp();
      jobs.insert(soldJob({ id: 'a' }));
      let state: JobState = 'admitted';
      for (const next of walk) {
        if (next === state || NEXT_STATES[state].includes(next)) {
          jobs.update('a', { state: next });
          state = next;
        } else {
          assert.throws(() => jobs.update('a', { state: next, model: 'changed' }), /can't change from/);
        }
        assert.equal(jobs.show('a').job.state, state);
        assert.notEqual(jobs.show('a').job.model, 'changed');
      }
      database.close();
    }),
    { numRuns: 80 },
  );
});

test('every end state can be reached, and nothing follows it', () => {
  const reached = new Set<JobState>(['admitted']);
  for (const state of reached) for (const next of NEXT_STATES[state]) reached.add(next);
  assert.deepEqual([...reached].sort(), [...STATES].sort());
  for (const end of ['settled', 'aborted', 'failed', 'refused'] as const)
    assert.deepEqual(NEXT_STATES[end], []);
});

test('a charge is recorded once, with the step that makes it final, for any end', () => {
  const { jobs, ledger, serve } = setUp();
  jobs.insert(soldJob({ id: 'open' }));
  jobs.update('open', { state: 'running' });
  jobs.update('open', { state: 'delivered', charged: '9' });
  assert.equal(ledger.earned(TOKEN, 'total'), 0n, 'intended is not earned');
  serve('a', '5', '5');
  serve('b', '7', '12', 'aborted');
  serve('c', '1', '13', 'failed');
  jobs.update('a', { receipt: 'later' });
  assert.equal(ledger.earned(TOKEN, 'total'), 13n);
  assert.throws(() => jobs.update('a', { charged: '6' }), /recorded before with different content/);
  assert.equal(jobs.show('a').job.charged, '5', 'the refused step left nothing behind');
  ledger.verifyBalanced();
});

test('a failed settlement with only an intended charge records nothing', () => {
  const { jobs, ledger } = setUp();
  jobs.insert(soldJob({ id: 'a' }));
  jobs.update('a', { state: 'running' });
  jobs.update('a', { state: 'delivered', charged: '9' });
  jobs.update('a', { state: 'failed', error: 'payment-required' });
  assert.deepEqual(ledger.trialBalance(), []);
});

test('a job begins only in a first state', () => {
  const { jobs } = setUp();
  assert.throws(() => jobs.insert(soldJob({ state: 'charged' })), /can't begin as charged/);
  assert.throws(
    () => jobs.show('job-1'),
    (error) => isAppError(error, 'not-found'),
  );
});

test('a claim covers the jobs up to its total; the payout covers what was claimed', () => {
  const { clock, jobs, serve } = setUp();
  serve('a', '5', '5');
  serve('b', '7', '12', 'aborted');
  serve('c', '1', '13');
  const states = () => {
    clock.advance(1_000);
    return ['a', 'b', 'c'].map((id) => jobs.show(id).job.state);
  };
  const events = (id: string) => jobs.show(id).events.map(({ state, note }) => `${state} ${note}`);
  jobs.markClaimed({ channelId: '0xch', claimedTotal: amount(12), txHash: '0xc1' });
  jobs.markClaimed({ channelId: '0xch', claimedTotal: amount(12), txHash: '0xc1' });
  assert.deepEqual(states(), ['claimed', 'aborted', 'charged']);
  jobs.markSettled({ assetId: TOKEN, txHash: '0xp1' });
  jobs.markSettled({ assetId: TOKEN, txHash: '0xp2' });
  assert.deepEqual(states(), ['settled', 'aborted', 'charged']);
  assert.deepEqual(events('a'), ['claimed 0xc1', 'settled 0xp1']);
  assert.deepEqual(
    events('b'),
    ['claimed 0xc1', 'settled 0xp1'],
    'the timeline of an aborted job shows its money too',
  );
  assert.deepEqual(events('c'), []);
  jobs.markClaimed({ channelId: '0xch', claimedTotal: amount(13), txHash: '0xc2' });
  assert.deepEqual(states(), ['settled', 'aborted', 'claimed']);
});

test('a running job is shown as such, and stored with its next step', () => {
  const { jobs, database } = setUp();
  jobs.insert(soldJob({ id: 'a' }), { atMs: 1, state: 'admitted', note: null });
  jobs.update('a', { state: 'running', startedAtMs: 5 }, { atMs: 5, state: 'running', note: null });
  assert.equal(database.jobs.find('a')?.state, 'admitted', 'not worth a write of its own');
  assert.equal(jobs.show('a').job.startedAtMs, 5);
  assert.deepEqual(
    jobs.show('a').events.map(({ state }) => state),
    ['admitted', 'running'],
  );
  assert.equal(jobs.list({ outcome: 'all', limit: 5 }).jobs[0]?.state, 'running');
  assert.throws(() => jobs.update('a', { state: 'settled' }), /can't change from running/);
  assert.equal(jobs.show('a').job.state, 'running', 'a rejected step changes nothing');
  jobs.update('a', { state: 'delivered', charged: '7' }, { atMs: 9, state: 'delivered', note: null });
  assert.equal(database.jobs.find('a')?.startedAtMs, 5);
  assert.deepEqual(
    database.jobs.events('a').map(({ state, atMs }) => [state, atMs]),
    [
      ['admitted', 1],
      ['running', 5],
      ['delivered', 9],
    ],
  );
});

test('after a crash unfinished jobs fail, and a charge that came through is recorded', () => {
  const { jobs, ledger, serve } = setUp();
  serve('done', '5', '5');
  jobs.insert(soldJob({ id: 'admitted' }));
  jobs.insert(soldJob({ id: 'running' }));
  jobs.update('running', { state: 'running' });
  for (const [id, channelId] of [
    ['through', '0xch'],
    ['not-through', '0xother'],
    ['unknown', '0xunknown'],
  ] as const) {
    jobs.insert(soldJob({ id, channelId }));
    jobs.update(id, { state: 'running' });
    jobs.update(id, { state: 'delivered', charged: '7' });
  }
  const totals: Record<string, bigint> = { '0xch': 12n, '0xother': 0n };
  const recovered = jobs.recover((channelId) => {
    const total = totals[channelId];
    return total === undefined ? null : amount(total);
  });
  const state = (id: string) => jobs.show(id).job.state;
  assert.equal(recovered.length, 5);
  assert.equal(state('done'), 'charged');
  assert.equal(state('through'), 'charged');
  assert.equal(jobs.show('through').job.cumulative, '12');
  for (const id of ['admitted', 'running', 'not-through', 'unknown']) {
    assert.equal(state(id), 'failed');
    assert.equal(jobs.show(id).events.at(-1)?.note, 'The end of this job was not recorded');
  }
  assert.equal(ledger.earned(TOKEN, 'total'), 12n);
  assert.deepEqual(
    jobs.recover(() => null),
    [],
  );
});

test('after a crash, an answer of the storefront is charged only if its customer has the balance for it', () => {
  const { jobs, ledger, database } = setUp();
  const customerId = `payer:0x${'11'.repeat(20)}`;
  const paid = { customerId, assetId: TOKEN, amount: amount(10n), txHash: '0x1' };
  ledger.customerPaid({ ...paid, reference: 'one' });
  ledger.customerPaid({ ...paid, customerId: 'key:00', reference: 'of another customer', txHash: null });
  for (const id of ['first', 'second']) {
    jobs.insert(soldJob({ id, channelId: customerId, assetId: TOKEN }));
    jobs.update(id, { state: 'running' });
    jobs.update(id, { state: 'delivered', charged: '7' });
  }
  jobs.recover();
  const states = ['first', 'second'].map((id) => jobs.show(id).job.state).sort();
  assert.deepEqual(states, ['charged', 'failed']);
  assert.equal(ledger.customerBalance(customerId), 3n);
  database.close();
});

test('after a crash, an answer whose own payment is on its way is not charged to the balance, too', () => {
  const customerId = `payer:0x${'11'.repeat(20)}`;
  const { ledger, database } = setUp();
  const clock = manualClock(0);
  const isPaymentPending = ({ id }: { readonly id: string }) => id === 'upto';
  const jobs = createJobs({
    ...{ records: database.jobs, store: database.records, ledger, clock, isPaymentPending },
  });
  const paid = { customerId, assetId: TOKEN, amount: amount(10n), txHash: '0x1' };
  ledger.customerPaid({ ...paid, reference: 'rest of an earlier payment' });
  jobs.insert(soldJob({ id: 'upto', channelId: customerId, assetId: TOKEN }));
  jobs.update('upto', { state: 'running' });
  jobs.update('upto', { state: 'delivered', charged: '7' });
  jobs.recover();
  assert.equal(jobs.show('upto').job.state, 'failed');
  assert.equal(ledger.customerBalance(customerId), 10n);
  database.close();
});

test('jobs that were left on a full disk are ended when it takes writes again, and only those', () => {
  const { jobs, ledger } = setUp();
  for (const [id, channelId] of [
    ['running', '0xch'],
    ['left', '0xch'],
    ['left-charged', '0xother'],
    ['left-ended', '0xthird'],
  ] as const) {
    jobs.insert(soldJob({ id, channelId }));
    jobs.update(id, { state: 'running' });
  }
  jobs.update('left-charged', { state: 'delivered', charged: '7' });
  for (const id of ['left', 'left-charged', 'left-ended']) jobs.leave(id);
  jobs.update('left-ended', { state: 'aborted' });
  jobs.recoverLeft((channelId) => (channelId === '0xother' ? amount(7) : null));
  jobs.recoverLeft();
  const state = (id: string) => jobs.show(id).job.state;
  assert.deepEqual(['running', 'left', 'left-charged', 'left-ended'].map(state), [
    'running',
    'failed',
    'charged',
    'aborted',
  ]);
  assert.equal(ledger.earned(TOKEN, 'total'), 7n);
});

test('an end that a group of writes lost is written when the disk takes writes again', async () => {
  const { clock, database, ledger } = setUp();
  const disk = { isFull: false };
  const jobs = createJobs({
    records: database.jobs,
    store: database.records,
    ledger,
    clock,
    durability: {
      defer(run) {
        // What shares a group with others is visible immediately, and undone if the group fails.
        if (!disk.isFull) return run();
        const undone = new Error('undo');
        let result: ReturnType<typeof run> | undefined;
        try {
          database.transaction(() => {
            result = run();
            throw undone;
          });
        } catch (error) {
          if (error !== undone) throw error;
        }
        return result as ReturnType<typeof run>;
      },
      durable: async () => {
        if (disk.isFull) throw new Error('the disk is full');
      },
    },
  });
  for (const id of ['before', 'lost']) {
    jobs.insert(soldJob({ id }));
    jobs.update(id, { state: 'running' });
  }
  jobs.update('before', { state: 'aborted' });
  await jobs.durable();
  disk.isFull = true;
  jobs.update('lost', { state: 'aborted' });
  await assert.rejects(jobs.durable());
  // Neither the end nor the step to running that it would have stored.
  assert.equal(jobs.show('lost').job.state, 'admitted');
  disk.isFull = false;
  jobs.recoverLeft();
  assert.deepEqual(
    ['before', 'lost'].map((id) => jobs.show(id).job.state),
    ['aborted', 'failed'],
  );
});

test('pages list all jobs once, even if many share a millisecond', () => {
  const times = fc.array(fc.nat(6), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 6 }), (createdAt, extra) => {
      const { jobs, database } = setUp();
      createdAt.forEach((createdAtMs, index) => {
        jobs.insert(soldJob({ id: `j${index}`, createdAtMs }));
      });
      const perMoment = Math.max(...createdAt.map((at) => createdAt.filter((other) => other === at).length));
      const limit = perMoment + extra;
      const seen: string[] = [];
      let beforeMs: number | undefined;
      for (;;) {
        const { jobs: page, more } = jobs.list({ outcome: 'all', beforeMs, limit });
        seen.push(...page.map(({ id }) => id));
        if (!more) break;
        beforeMs = page.at(-1)?.createdAtMs;
      }
      assert.deepEqual([...seen].sort(), createdAt.map((_, index) => `j${index}`).sort());
      database.close();
    }),
    { numRuns: 40 },
  );
});

test('lists and counts separate served from failed; listeners get each change after it is stored', async () => {
  const { jobs, serve } = setUp();
  const changes: string[] = [];
  const stop = jobs.onChange((job) => changes.push(`${job.id} ${job.state}`));
  serve('a', '5', '5');
  serve('b', '0', '5', 'aborted');
  assert.deepEqual(changes, [], 'not before the calling code has returned');
  await Promise.resolve();
  stop();
  jobs.insert(soldJob({ id: 'c' }));
  const ids = (outcome: 'all' | 'served' | 'failed') =>
    jobs.list({ outcome, limit: 10 }).jobs.map(({ id }) => id);
  assert.deepEqual(ids('served'), ['a']);
  assert.deepEqual(ids('failed'), ['b']);
  assert.deepEqual(ids('all').sort(), ['a', 'b', 'c']);
  assert.deepEqual(jobs.counts('sold', 0), { served: 1, failed: 1 });
  assert.deepEqual(jobs.counts('sold', 5_000), { served: 0, failed: 0 });
  assert.deepEqual(jobs.counts('sold', 0, 1), { served: 0, failed: 0 }, 'jobs dated later don’t count');
  assert.deepEqual(changes.slice(0, 4), ['a admitted', 'a running', 'a delivered', 'a charged']);
  assert.equal(changes.length, 8);
});

test('job IDs are unique, well-formed, and sorted by time', () => {
  const ids = Array.from({ length: 200 }, (_, index) => newJobId(1_795_000_000_000 + index));
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids.toSorted(), ids);
  for (const id of ids)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(Number.parseInt((ids[0] ?? '').replace('-', '').slice(0, 12), 16), 1_795_000_000_000);
});
