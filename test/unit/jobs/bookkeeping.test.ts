/**
 * Verifies: jobs and ledger follow the chain together, whenever events arrive and however often.
 * Setup: random jobs, claims and payouts with repetitions, and failures during an event; then every account is compared
 * with the input.
 * Fails if: a claim is recorded without its jobs, an event is counted twice, a crash between channel and ledger loses a
 * charge.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { type Bookkeeping, bookSettlement, createJobs, recoverBooks } from '../../../main/core/jobs/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import type { SettlementEvent } from '../../../main/ports/chain.ts';
import type { ChannelAccount } from '../../../main/ports/claims.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { soldJob } from './job-samples.ts';

const TOKEN = 'eip155:31337/0x01';
const COIN = 'eip155:31337/native';
const CHANNELS = ['0xch1', '0xch2', '0xch3'] as const;

function setUp() {
  const clock = manualClock(1_000_000);
  const database = openDatabase(':memory:');
  const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar('UTC') });
  const jobs = createJobs({ records: database.jobs, store: database.records, ledger, clock });
  const books: Bookkeeping = {
    jobs,
    ledger,
    transaction: (run) => database.transaction(run),
    tokenId: TOKEN,
    coinId: COIN,
  };
  /** Lets the jobs follow what was recorded. */
  const markJobs = () => clock.advance(1_000);
  return { database, ledger, jobs, books, markJobs };
}

function account(channelId: string, charged: bigint, claimed = 0n): ChannelAccount {
  return {
    channelId,
    payer: '0x01',
    charged: amount(charged),
    claimed: amount(claimed),
    settled: amount(0),
    withdrawing: false,
    owedSinceMs: null,
  };
}

type Step = { kind: 'serve'; channel: number; charged: number } | { kind: 'claim' | 'settle'; times: number };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('serve' as const), channel: fc.nat(2), charged: fc.nat(50) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('claim' as const, 'settle' as const),
        times: fc.integer({ min: 1, max: 3 }),
      }),
    },
  ),
  { maxLength: 25 },
);

test('for any events in any order, money is conserved and every job has the state of its money', () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const { ledger, jobs, books, database, markJobs } = setUp();
      const charged = new Map<string, bigint>();
      const claimed = new Map<string, bigint>();
      let contract = 0n;
      let wallet = 0n;
      let fees = 0n;
      let number = 0;
      const deliver = (event: SettlementEvent, times: number) => {
        for (let time = 0; time < times; time += 1) bookSettlement(books, event);
      };
      for (const step of sequence) {
        number += 1;
        const tx = { hash: `0x${number}`, blockNumber: number, fee: amount(3) };
        if (step.kind === 'serve') {
          const channelId = CHANNELS[step.channel] ?? CHANNELS[0];
          const cumulative = (charged.get(channelId) ?? 0n) + BigInt(step.charged);
          charged.set(channelId, cumulative);
          const id = `job-${number}`;
          jobs.insert(soldJob({ id, channelId }));
          jobs.update(id, { state: 'running' });
          jobs.update(id, { state: 'delivered', charged: String(step.charged) });
          jobs.update(id, { state: 'charged', cumulative: String(cumulative) });
        } else if (step.kind === 'claim') {
          const channels = [...charged]
            .map(([channelId, total]) => ({
              channelId,
              amount: amount(total - (claimed.get(channelId) ?? 0n)),
              claimedTotal: amount(total),
            }))
            .filter((channel) => channel.amount > 0n);
          if (channels.length === 0) continue;
          for (const channel of channels) {
            claimed.set(channel.channelId, channel.claimedTotal);
            contract += channel.amount;
          }
          fees += 3n;
          deliver({ type: 'claimed', tx, channels }, step.times);
        } else if (contract > 0n) {
          wallet += contract;
          fees += 3n;
          deliver({ type: 'settled', tx, amount: amount(contract) }, step.times);
          contract = 0n;
        }
      }
      const sum = (map: Map<string, bigint>) => [...map.values()].reduce((total, value) => total + value, 0n);
      assert.equal(ledger.earned(TOKEN, 'total'), sum(charged));
      assert.equal(ledger.balance('channels:owed', TOKEN), sum(charged) - sum(claimed));
      assert.equal(ledger.balance('contract:claimed', TOKEN), contract);
      assert.equal(ledger.balance('wallet', TOKEN), wallet);
      assert.equal(ledger.balance('fees:network', COIN), fees);
      ledger.verifyBalanced();
      markJobs();
      const moneyIn = (state: string) =>
        jobs
          .list({ outcome: 'all', limit: 200 })
          .jobs.filter((job) => job.state === state)
          .reduce((total, job) => total + BigInt(job.charged ?? 0), 0n);
      assert.equal(moneyIn('charged'), sum(charged) - sum(claimed));
      assert.equal(moneyIn('claimed'), contract);
      assert.equal(moneyIn('settled'), wallet);
      recoverBooks(
        books,
        [...charged].map(([id, total]) => account(id, total, claimed.get(id))),
      );
      assert.equal(ledger.earned(TOKEN, 'total'), sum(charged), 'there was nothing to recover');
      database.close();
    }),
    { numRuns: 60 },
  );
});

test('an event that could not be recorded completely is not recorded at all, and is on its next delivery', () => {
  const { ledger, jobs, books, markJobs } = setUp();
  jobs.insert(soldJob({ id: 'a' }));
  jobs.update('a', { state: 'running' });
  jobs.update('a', { state: 'charged', charged: '5', cumulative: '5' });
  const event: SettlementEvent = {
    type: 'claimed',
    tx: { hash: '0x1', blockNumber: 1, fee: amount(2) },
    channels: [{ channelId: '0xch', amount: amount(5), claimedTotal: amount(5) }],
  };
  const failing: Bookkeeping = {
    ...books,
    jobs: {
      ...jobs,
      markClaimed: () => {
        throw new Error('the disk is full');
      },
    },
  };
  assert.throws(() => bookSettlement(failing, event), /disk is full/);
  assert.equal(ledger.balance('contract:claimed', TOKEN), 0n);
  assert.equal(ledger.balance('fees:network', COIN), 0n);
  bookSettlement(books, event);
  assert.equal(ledger.balance('contract:claimed', TOKEN), 5n);
  markJobs();
  assert.equal(jobs.show('a').job.state, 'claimed');
});

test('waiting records nothing', () => {
  const { ledger, books } = setUp();
  bookSettlement(books, { type: 'waiting', reason: 'the chain is down' });
  assert.deepEqual(ledger.trialBalance(), []);
});

test('a charge of a relay that a crash kept from the ledger is income of the relay', () => {
  const { ledger, books } = setUp();
  recoverBooks({ ...books, purpose: 'relaying' }, [account('0xch', 7n)]);
  assert.equal(ledger.balance('income:relaying', TOKEN), 7n);
  assert.equal(ledger.earned(TOKEN, 'total'), 0n);
});

test('after a crash between channel and ledger, the job and its charge are recovered', () => {
  const { ledger, jobs, books, markJobs } = setUp();
  jobs.insert(soldJob({ id: 'a' }));
  jobs.update('a', { state: 'running' });
  jobs.update('a', { state: 'delivered', charged: '7' });
  // The channel charged 7 for this job, and another channel 4 for a job without any record here.
  const accounts = [account('0xch', 7n), account('0xother', 4n)];
  recoverBooks(books, accounts);
  recoverBooks(books, accounts);
  assert.equal(jobs.show('a').job.state, 'charged');
  assert.equal(ledger.earned(TOKEN, 'total'), 11n);
  assert.deepEqual(
    ledger.entries({ limit: 10 }).map(({ kind }) => kind),
    ['charge-recovered', 'job-charged'],
  );
  bookSettlement(books, {
    type: 'claimed',
    tx: { hash: '0x1', blockNumber: 1, fee: amount(2) },
    channels: [{ channelId: '0xch', amount: amount(7), claimedTotal: amount(7) }],
  });
  markJobs();
  assert.equal(jobs.show('a').job.state, 'claimed');
});
