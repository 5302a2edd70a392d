/**
 * Goal: the judge of the crash runs objects to each thing that must not happen, and to nothing else. Method: books
 * and a chain made by hand, right at first, then wrong in one place at a time. Would break: a harness that lets
 * lost or doubled money pass and reports that all is well.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { practiceNetwork } from '../../../main/adapters/anvil/index.ts';
import type { ChainNode } from '../../../main/adapters/ethers/index.ts';
import { type Case, judge, type Memory } from '../../crash/checker.ts';
import type { Books } from '../../crash/ledger-snapshot.ts';

const CHANNEL = `0x${'cd'.repeat(32)}`;
const network = practiceNetwork('http://127.0.0.1:1');
const TOKEN = network.token.id;
const PAYOUT = `0x${'0a'.repeat(20)}`;
const PURSE = `0x${'0b'.repeat(20)}`;

const EMPTY: Books = {
  sums: new Map(),
  byChannel: new Map(),
  errors: [],
  deposits: new Map(),
  sold: new Map(),
  bought: new Map(),
  receipts: new Map(),
  unfinished: [],
  charged: 0,
  ownTransaction: null,
};

/** 100 put in, 50 charged, 30 of it claimed, 20 of that paid out; the requester knows all of it. */
const PROVIDER: Books = {
  ...EMPTY,
  sums: new Map([
    [`contract:claimed ${TOKEN}`, 10n],
    [`wallet ${TOKEN}`, 20n],
  ]),
  byChannel: new Map([
    [`income:jobs ${CHANNEL}`, -50n],
    [`channels:owed ${CHANNEL}`, 20n],
  ]),
  sold: new Map([[CHANNEL, { charged: 50n, signed: 60n }]]),
};
const REQUESTER: Books = {
  ...EMPTY,
  sums: new Map([[`wallet ${TOKEN}`, 900n]]),
  byChannel: new Map([[`expense:inference ${CHANNEL}`, 50n]]),
  deposits: new Map([[CHANNEL, 100n]]),
  bought: new Map([[CHANNEL, 50n]]),
  receipts: new Map([[CHANNEL, 50n]]),
};

function chainWith(
  changed: { paid?: bigint; purse?: bigint; balance?: bigint; claimed?: bigint } = {},
): ChainNode {
  const { paid = 20n, purse = 900n, balance = 100n, claimed = 30n } = changed;
  const answers = async () => [[30n, 20n], paid, purse, [balance, claimed]];
  return { network, readContracts: answers } as Partial<ChainNode> as ChainNode;
}

function ask(changed: Partial<Case> = {}, memory: Memory = new Map()): Promise<readonly string[]> {
  const facts = {
    provider: PROVIDER,
    requester: REQUESTER,
    chain: chainWith(),
    payout: PAYOUT,
    purse: PURSE,
  };
  return judge({ ...facts, ...changed }, memory, { exposure: 10n });
}

test('books that agree with each other and with the chain pass', async () => {
  assert.deepEqual(await ask(), []);
});

const withSold = (charged: bigint, signed = 60n): Books => ({
  ...PROVIDER,
  sold: new Map([[CHANNEL, { charged, signed }]]),
});
const withSpent = (spent: bigint, bought = spent): Books => ({
  ...REQUESTER,
  byChannel: new Map([[`expense:inference ${CHANNEL}`, spent]]),
  bought: new Map([[CHANNEL, bought]]),
  receipts: new Map(),
});

const WRONG: readonly (readonly [string, Partial<Case>])[] = [
  ['income that was not charged, or a charge without income', { provider: withSold(51n) }],
  ['a charge beyond the voucher', { provider: withSold(50n, 49n) }],
  ['a charge that the provider forgot', { provider: withSold(49n) }],
  ['a payment that the requester knows and did not book', { requester: withSpent(45n, 50n) }],
  ['a payment that was booked twice', { requester: withSpent(60n) }],
  ['more unknown to the requester than one request may cost', { requester: withSpent(39n) }],
  ['a deposit that is not booked', { chain: chainWith({ balance: 101n }) }],
  ['a claim that is not booked', { chain: chainWith({ claimed: 31n }) }],
  ['a payout that never came', { chain: chainWith({ paid: 19n }) }],
  ['money gone from the requester’s wallet', { chain: chainWith({ purse: 899n }) }],
  ['a posting that does not balance', { provider: { ...PROVIDER, errors: ['posting 1 is off by 1'] } }],
  ['a job left in the middle', { provider: { ...PROVIDER, unfinished: ['sold job 1 is delivered'] } }],
];

for (const [what, changed] of WRONG) {
  test(`it objects to ${what}`, async () => {
    assert.notDeepEqual(await ask(changed), []);
  });
}

test('it remembers what a channel had charged before', async () => {
  const memory: Memory = new Map([[CHANNEL, 55n]]);
  assert.match((await ask({}, memory)).join(), /went back from 55 to 50/);
});

test('within what one request may cost, the requester may still have to learn', async () => {
  assert.deepEqual(await ask({ requester: withSpent(42n) }), []);
});
