/** Reads an address's balances on a chain. A balance that could not be read is null, never zero. */
import { z } from 'zod';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Balances } from '../../ports/chain.ts';
import type { Clock } from '../../ports/clock.ts';
import { BALANCE_OF_ABI } from '../../ports/contracts.ts';
import type { ChainNode } from './node.ts';
import { quantitySchema } from './rpc-shapes.ts';

/** Token and coin of `address`, each null when the node did not answer or serves another chain. */
export async function readBalances(node: ChainNode, address: string, clock: Clock): Promise<Balances> {
  const token = node
    .readContract({
      address: node.network.token.address as `0x${string}`,
      abi: BALANCE_OF_ABI,
      functionName: 'balanceOf',
      args: [address],
    })
    .then((value) => amount(z.bigint().parse(value)));
  const coin = node
    .agreed('eth_getBalance', (block) => [address, block], quantitySchema)
    .then((value) => amount(value));
  // Both are awaited together: a failure that nobody awaits yet would end the process.
  const [knownToken, knownCoin] = await Promise.all([orUnknown(token), orUnknown(coin)]);
  return { token: knownToken, coin: knownCoin, atMs: clock.now() };
}

async function orUnknown(value: Promise<Amount>): Promise<Amount | null> {
  try {
    return await value;
  } catch {
    // The page shows "unknown"; the settlement reports the reason why the chain is unavailable.
    return null;
  }
}
