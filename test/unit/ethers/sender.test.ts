/**
 * Verifies: the limit of a sender covers the whole cost of a transaction, including a rollup's fee for data; one that the node
 *   has already counts as sent.
 * Setup: the sender on a node in memory that reports chosen fees.
 * Fails if: the data fee is left out of the limit, the network's own limit can be raised, or a transaction above the
 * limit leaves the machine; a transaction in the pool passes for a refused one, or a refused one for one that was sent.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAccount } from '../../../main/adapters/ethers/account.ts';
import { type ChainNode, createSender } from '../../../main/adapters/ethers/index.ts';
import { ChainRefusal, type Hex, type UnsignedTransaction } from '../../../main/ports/evm.ts';
import { amount } from '../../../shared/money.ts';

const BASE_CHAIN_ID = 8_453;
const GAS = 21_000n;
/** Gas limit with its margin of 25%. */
const GAS_LIMIT = 26_250n;
const TO: Hex = `0x${'1'.repeat(40)}`;

interface Options {
  readonly chainId: number;
  readonly dataFee: bigint;
  readonly networkMax: bigint;
  readonly own?: bigint;
  /** The node's error instead of taking a transaction. */
  readonly refusal?: ChainRefusal;
}

function setUp(options: Options) {
  const sent: string[] = [];
  const answers: Record<string, unknown> = {
    eth_estimateGas: GAS,
    eth_getTransactionCount: 0n,
  };
  const node = {
    network: {
      id: `eip155:${options.chainId}`,
      chainId: options.chainId,
      fallbackRpcUrls: ['a second one'],
      feeMax: amount(options.networkMax),
      coin: { id: 'coin', symbol: 'ETH', decimals: 18, practice: false },
    },
    async send(method: string) {
      assert.equal(method, 'eth_sendRawTransaction');
      sent.push(method);
      if (options.refusal !== undefined) throw options.refusal;
    },
    ask: async (method: string) => answers[method],
    reports: async (method: string) =>
      method === 'eth_getBlockByNumber' ? [{ baseFeePerGas: 10n ** 9n }] : [10n ** 9n],
    readContract: async () => options.dataFee,
  } as Partial<Record<keyof ChainNode, unknown>> as ChainNode;
  const account = createAccount(`0x${'2'.repeat(64)}`);
  const { own } = options;
  const sender = createSender(node, account, own === undefined ? {} : { feeMax: () => amount(own) });
  const transactions: UnsignedTransaction[] = [];
  const send = () =>
    sender.sendTransaction(
      { to: TO, data: '0x' },
      { beforeBroadcast: (_, transaction) => transactions.push(transaction) },
    );
  return { send, sent, transactions };
}

/** Cost at the current price, without the data fee: base fee and tip are 1 gwei each. */
const LEAST = GAS_LIMIT * 2n * 10n ** 9n;

test('the limit includes twice the rollup’s data fee, which may rise', async () => {
  const terms = { chainId: BASE_CHAIN_ID, dataFee: 1_000n };
  const enough = setUp({ ...terms, networkMax: LEAST + 2_000n });
  await enough.send();
  assert.equal(enough.transactions[0]?.maxFeePerGas, 2n * 10n ** 9n);
  const short = setUp({ ...terms, networkMax: LEAST + 1_999n });
  await assert.rejects(short.send(), { code: 'fee-too-high' });
  assert.deepEqual(short.sent, []);
});

test('other chains charge no data fee', async () => {
  const { send, sent } = setUp({ chainId: 31_337, dataFee: 10n ** 18n, networkMax: LEAST });
  await send();
  assert.equal(sent.length, 1);
});

test('the owner’s limit lowers the network’s and never raises it', async () => {
  const terms = { chainId: BASE_CHAIN_ID, dataFee: 0n };
  const lower = setUp({ ...terms, networkMax: LEAST * 10n, own: LEAST - 1n });
  await assert.rejects(lower.send(), { code: 'fee-too-high' });
  const higher = setUp({ ...terms, networkMax: LEAST - 1n, own: LEAST * 10n });
  await assert.rejects(higher.send(), { code: 'fee-too-high' });
  assert.deepEqual([...lower.sent, ...higher.sent], []);
});

test('a transaction that the node has already is sent, and its nonce is used', async () => {
  const terms = { chainId: 31_337, dataFee: 0n, networkMax: LEAST };
  for (const text of ['already known', 'Transaction already imported', 'known transaction: 0xab']) {
    const known = setUp({ ...terms, refusal: new ChainRefusal(`the chain refused: ${text}`) });
    assert.match(await known.send(), /^0x[0-9a-f]{64}$/, text);
    await known.send();
    assert.deepEqual(
      known.transactions.map(({ nonce }) => nonce),
      [0, 1],
    );
  }
  for (const text of ['nonce too low', 'replacement transaction underpriced', 'unknown transaction type']) {
    const refused = setUp({ ...terms, refusal: new ChainRefusal(`the chain refused: ${text}`) });
    await assert.rejects(refused.send(), ChainRefusal, text);
  }
});
