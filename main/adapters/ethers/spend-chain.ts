/** Implements {@link SpendChain} with ethers: balances, fees and broadcast of the wallet's transfers. */
import { Interface, keccak256, toQuantity } from 'ethers';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { BALANCE_OF_ABI } from '../../ports/contracts.ts';
import type { Hex } from '../../ports/evm.ts';
import type { SpendChain } from '../../ports/spend-chain.ts';
import { isInPool } from './endpoint.ts';
import { bytesOf, dataFeeOf, reportedFees } from './fees.ts';
import { type ChainNode, hasConfirmations } from './node.ts';
import { quantitySchema } from './rpc-shapes.ts';

const TOKEN = new Interface(['function transfer(address to, uint256 value) returns (bool)']);

export function createSpendChain(node: ChainNode): SpendChain {
  const count = async (address: Hex, block: 'latest' | 'pending') =>
    Number(await node.ask('eth_getTransactionCount', [address, block], quantitySchema));

  return {
    network: node.network,
    async held(address) {
      const [token, coin] = await Promise.all([
        node.readContract({
          address: node.network.token.address as Hex,
          abi: BALANCE_OF_ABI,
          functionName: 'balanceOf',
          args: [address],
        }),
        node.ask('eth_getBalance', [address, 'latest'], quantitySchema),
      ]);
      return { token: amount(z.bigint().parse(token)), coin: amount(coin) };
    },
    isContract: async (address) => (await node.getCode({ address })) !== undefined,
    transfer(asset, to, value) {
      if (asset === 'coin') return { to, data: '0x', value };
      const data = TOKEN.encodeFunctionData('transfer', [to, value]) as Hex;
      return { to: node.network.token.address as Hex, data, value: 0n };
    },
    async estimateGas(from, { to, data, value }) {
      const call = { from, to, data, value: toQuantity(value) };
      return refusable(node.ask('eth_estimateGas', [call], quantitySchema));
    },
    fees: () => reportedFees(node),
    dataFee: ({ data }) => dataFeeOf(node, bytesOf(data)),
    async nonces(address) {
      const [mined, held] = await Promise.all([count(address, 'latest'), count(address, 'pending')]);
      return { mined, held: Math.max(mined, held) };
    },
    hashOf: (signed) => keccak256(signed) as Hex,
    async broadcast(signed) {
      try {
        await refusable(node.send('eth_sendRawTransaction', [signed]).catch(unlessInPool));
      } catch (error) {
        // The node has the transaction, so only its response was lost.
        if (await knows(node, keccak256(signed) as Hex).catch(() => false)) return;
        throw error;
      }
    },
    receipt: (hash) => node.receipt(hash),
    isFinal: ({ blockNumber }) => hasConfirmations(node, blockNumber),
    knows: (hash) => knows(node, hash),
  };
}

/** The node has the transaction: it was sent before, or another node passed it on. */
function unlessInPool(error: unknown): void {
  if (!isInPool(error)) throw error;
}

async function knows(node: ChainNode, hash: Hex): Promise<boolean> {
  return (await node.send('eth_getTransactionByHash', [hash])) !== null;
}

/** Turns the node's refusal into an expected failure. Its text can't contain a secret, because none was sent. */
async function refusable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AppError) throw error;
    const reason = error instanceof Error ? error.message.replace(/^the chain refused: /, '') : '';
    throw new AppError('bad-request', `The chain rejected the transaction: ${reason.slice(0, 200)}`, {
      cause: error,
    });
  }
}
