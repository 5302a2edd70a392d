/**
 * Replaces the chain where nothing is paid. Offers, jobs and receipts name its asset; its node is never queried, and
 * no balance, claim or rate of it exists.
 */
import { amount, NO_MONEY_ID } from '../../shared/money.ts';
import type { ChainNetwork } from '../ports/chain.ts';

const ID = 'idlewatt:own-machines';
const NO_ADDRESS = '0x0000000000000000000000000000000000000000';

export const NO_CHAIN: ChainNetwork = {
  id: ID,
  chainId: 0,
  rpcUrl: 'http://127.0.0.1:9',
  fallbackRpcUrls: [],
  confirmations: 1,
  facilitators: [],
  token: {
    id: NO_MONEY_ID,
    symbol: 'free',
    decimals: 0,
    practice: false,
    address: NO_ADDRESS,
    eip712: { name: 'none', version: '1' },
  },
  coin: { id: `${ID}/native`, symbol: 'free', decimals: 0, practice: false },
  feeMax: amount(0),
  coinPriceMicroUsd: null,
};
