/**
 * Verifies: deposits come back on demand, and automatically from providers that failed; each return is recorded once.
 * Setup: the service on a stub of the channels, with a clock that the test moves and a real ledger in memory.
 * Fails if: a deposit stays with a provider that failed, a working provider loses its deposit, a withdrawal is never
 * finished, or a return is missing from the ledger.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDepositReturns } from '../../../main/core/payments/index.ts';
import type { BoughtChannelState, ReturnedDeposit, Withdrawal } from '../../../main/ports/payments.ts';
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const START_MS = 1_700_000_000_000;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(channel: Partial<BoughtChannelState> = {}, { cooperates = true, failed = true } = {}) {
  const clock = manualClock(START_MS);
  const state: { -readonly [key in keyof BoughtChannelState]: BoughtChannelState[key] } = {
    channelId: '0xc1',
    peer: 'peer',
    balance: amount(80_000n),
    left: amount(60_000n),
    lastUsedMs: START_MS,
    withdrawal: null,
    ...channel,
  };
  const onChain: ReturnedDeposit[] = [];
  const calls: string[] = [];
  const recorded = new Map<string, bigint>();
  let deposited = 80_000n - 20_000n;
  const giveBack = (txHash: string): ReturnedDeposit => {
    const back = { channelId: state.channelId, txHash, amount: state.left };
    state.balance = amount(state.balance - state.left);
    state.left = amount(0n);
    state.withdrawal = null;
    onChain.push(back);
    return back;
  };
  const returns = createDepositReturns({
    returns: {
      channels: async () => [{ ...state }],
      returned: async () => onChain,
      async refund() {
        calls.push('refund');
        if (!cooperates) throw new AppError('payment-required', 'The provider did not refund the deposit.');
        giveBack('0xa1');
        return onChain;
      },
      async withdraw(): Promise<Withdrawal> {
        calls.push('withdraw');
        if (state.withdrawal !== null) return { kind: 'returned', deposit: giveBack('0xa2') };
        state.withdrawal = { amount: state.left, readyAtMs: clock.now() + DAY_MS };
        return { kind: 'started', readyAtMs: state.withdrawal.readyAtMs };
      },
    },
    ledger: {
      refunded({ txHash, amount: sum }) {
        if (recorded.has(txHash)) return 'repeated';
        recorded.set(txHash, sum);
        deposited -= sum;
        return 'posted';
      },
      sumForChannel: () => amount(deposited),
      bookedOnChannel: () => amount(20_000n),
    },
    assetId: 'asset',
    clock,
    log: createRecordingLog(),
    hasFailed: () => failed,
    providerOf: (peer) => ({ peer, fetch: () => Promise.reject(new Error('not called')) }),
    changed: () => undefined,
  });
  async function pass(durationMs: number): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += 10 * MINUTE_MS) {
      clock.advance(10 * MINUTE_MS);
      for (let turns = 0; turns < 20; turns += 1) await turn();
    }
  }
  return { returns, state, calls, recorded, pass, giveBack };
}

describe('deposits that come back', () => {
  it('refunds on demand and records it once', async () => {
    const { returns, recorded } = setUp();
    await returns.refund('0xc1');
    assert.deepEqual([...recorded], [['0xa1', 60_000n]]);
    await assert.rejects(returns.refund('0xc1'), { code: 'bad-request' });
    await assert.rejects(returns.refund('0xc2'), { code: 'not-found' });
    assert.equal(recorded.size, 1);
  });

  it('refunds automatically from a provider that failed, ten minutes after its last request', async () => {
    const { returns, calls, recorded, pass } = setUp();
    returns.start();
    await pass(30 * MINUTE_MS);
    assert.deepEqual([calls, [...recorded]], [['refund'], [['0xa1', 60_000n]]]);
  });

  it('leaves the deposit with a provider that works', async () => {
    const { returns, calls, pass } = setUp({}, { failed: false });
    returns.start();
    await pass(2 * DAY_MS);
    assert.deepEqual(calls, []);
  });

  it('withdraws after a day from a provider that does not cooperate, and finishes after the delay', async () => {
    const { returns, calls, recorded, pass } = setUp({}, { cooperates: false });
    returns.start();
    await pass(DAY_MS + 10 * MINUTE_MS);
    assert.deepEqual(calls.slice(-1), ['withdraw']);
    const started = calls.length;
    await pass(DAY_MS - 20 * MINUTE_MS);
    assert.equal(calls.length, started, 'it waits for the delay');
    await pass(30 * MINUTE_MS);
    assert.deepEqual([...recorded], [['0xa2', 60_000n]]);
  });

  it('does not pay a network fee automatically for a small amount', async () => {
    const { returns, calls, pass } = setUp({ left: amount(49_999n) }, { cooperates: false });
    returns.start();
    await pass(3 * DAY_MS);
    assert.ok(!calls.includes('withdraw'));
  });

  it('records a refund that an earlier run, or the provider alone, caused', async () => {
    const { returns, recorded, giveBack } = setUp();
    giveBack('0xa7');
    returns.start();
    for (let turns = 0; turns < 20; turns += 1) await turn();
    assert.deepEqual([...recorded], [['0xa7', 60_000n]]);
  });
});
