/**
 * Verifies: the checker of the crash runs reports every violated invariant, and nothing else.
 * Setup: ledgers and a chain made by hand, correct at first, then wrong in one place at a time.
 * Fails if: the harness lets lost or doubled money pass and reports success.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { practiceNetwork } from '../../../main/adapters/anvil/index.ts';
import type { ChainNode } from '../../../main/adapters/ethers/index.ts';
import { type Case, findBreaches, type Memory } from '../../crash/checker.ts';
import type { Books } from '../../crash/ledger-snapshot.ts';

const CHANNEL = `0x${'cd'.repeat(32)}`;
const network = practiceNetwork('http://127.0.0.1:1');
const TOKEN = network.token.id;
const PAYOUT = `0x${'0a'.repeat(20)}`;
const REQUESTER_ADDRESS = `0x${'0b'.repeat(20)}`;

const EMPTY: Books = {
  sums: new Map(),
  byChannel: new Map(),
  errors: [],
  deposits: new Map(),
  sold: new Map(),
  bought: new Map(),
  costs: new Map(),
  receipts: new Map(),
  unfinished: [],
  charged: 0,
  ownTransaction: null,
};

/** 100 deposited, 50 charged, 30 of it claimed, 20 of that paid out; the requester has recorded all of it. */
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
  changed: { paid?: bigint; requesterWallet?: bigint; balance?: bigint; claimed?: bigint } = {},
): ChainNode {
  const { paid = 20n, requesterWallet = 900n, balance = 100n, claimed = 30n } = changed;
  const answers = async () => [[30n, 20n], paid, requesterWallet, [balance, claimed]];
  return { network, readContracts: answers } as Partial<ChainNode> as ChainNode;
}

function check(changed: Partial<Case> = {}, memory: Memory = new Map()): Promise<readonly string[]> {
  const facts = {
    provider: PROVIDER,
    requester: REQUESTER,
    chain: chainWith(),
    payout: PAYOUT,
    requesterAddress: REQUESTER_ADDRESS,
  };
  return findBreaches({ ...facts, ...changed }, memory, { exposure: 10n });
}

test('accepts ledgers that agree with each other and with the chain', async () => {
  assert.deepEqual(await check(), []);
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
  ['income without a charge, or a charge without income', { provider: withSold(51n) }],
  ['a charge beyond the voucher', { provider: withSold(50n, 49n) }],
  ['a charge that the provider lost', { provider: withSold(49n) }],
  ['a payment in the requester’s channel record and not in its ledger', { requester: withSpent(45n, 50n) }],
  ['a payment that was recorded twice', { requester: withSpent(60n) }],
  ['more charges unknown to the requester than one request may cost', { requester: withSpent(39n) }],
  ['a deposit that is not recorded', { chain: chainWith({ balance: 101n }) }],
  ['a claim that is not recorded', { chain: chainWith({ claimed: 31n }) }],
  ['a payout that never arrived', { chain: chainWith({ paid: 19n }) }],
  ['money missing from the requester’s wallet', { chain: chainWith({ requesterWallet: 899n }) }],
  ['a posting that does not balance', { provider: { ...PROVIDER, errors: ['posting 1 is off by 1'] } }],
  ['an unfinished job', { provider: { ...PROVIDER, unfinished: ['sold job 1 is delivered'] } }],
];

for (const [what, changed] of WRONG) {
  test(`reports ${what}`, async () => {
    assert.notDeepEqual(await check(changed), []);
  });
}

test('reports a charge that decreased since the last check', async () => {
  const memory: Memory = new Map([[CHANNEL, 55n]]);
  assert.match((await check({}, memory)).join(), /went back from 55 to 50/);
});

test('accepts an unknown charge up to the cost of one request', async () => {
  assert.deepEqual(await check({ requester: withSpent(42n) }), []);
});
