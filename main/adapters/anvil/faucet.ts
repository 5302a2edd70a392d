/** Mints practice money, with calls that only a local chain supports. */
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import { callNode } from './node-call.ts';

const RECEIPT_TIMEOUT_MS = 10_000;
const RECEIPT_POLL_MS = 20;

/** One thousand practice USDC. */
export const FAUCET_TOKEN = amount(1_000_000_000);
/** Ten coins. A claim costs about a ten-thousandth of one coin. */
const FAUCET_COIN_WEI = 10n ** 19n;

const MINT_SELECTOR = '0x40c10f19';

/**
 * Mints `tokenAmount` for the address and tops up its coin for fees. Needs only the node's URL, so a process that
 * did not start the chain can fund itself. Resolves when both are on the chain. Fails with `chain-unavailable`, or
 * with `unsupported` on a chain without a faucet.
 */
export async function fundFromFaucet(
  network: ChainNetwork,
  address: string,
  tokenAmount: Amount = FAUCET_TOKEN,
): Promise<void> {
  const { rpcUrl } = network;
  const coin = BigInt(z.string().parse(await callNode(rpcUrl, 'eth_getBalance', [address, 'latest'])));
  if (coin < FAUCET_COIN_WEI) {
    await callNode(rpcUrl, 'anvil_setBalance', [address, `0x${FAUCET_COIN_WEI.toString(16)}`]);
  }
  if (tokenAmount === 0n) return;
  // The development accounts of a local chain sign inside the node; their keys are not used here.
  const [sender] = z.array(z.string()).parse(await callNode(rpcUrl, 'eth_accounts', []));
  if (sender === undefined) throw new AppError('unsupported', 'This chain has no faucet.');
  const data = MINT_SELECTOR + word(BigInt(address)) + word(tokenAmount);
  const hash = await callNode(rpcUrl, 'eth_sendTransaction', [
    { from: sender, to: network.token.address, data },
  ]);
  const deadline = performance.now() + RECEIPT_TIMEOUT_MS;
  for (;;) {
    const receipt = await callNode(rpcUrl, 'eth_getTransactionReceipt', [hash]);
    if (receipt !== null) {
      if (z.object({ status: z.string() }).parse(receipt).status !== '0x1') {
        throw new AppError(
          'chain-unavailable',
          'The practice faucet’s transaction was reverted. Nothing was minted.',
        );
      }
      return;
    }
    if (performance.now() > deadline)
      throw new AppError('chain-unavailable', 'The practice faucet’s transaction wasn’t mined in time.');
    await new Promise((resolve) => setTimeout(resolve, RECEIPT_POLL_MS));
  }
}

function word(value: bigint): string {
  return value.toString(16).padStart(64, '0');
}
