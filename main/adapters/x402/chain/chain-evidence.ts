/** Reads the settlement contract for an audit; see {@link ChainEvidence}. */
import { Interface, type InterfaceAbi } from 'ethers';
import settlementArtifact from '../../../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import { type Amount, amount } from '../../../../shared/money.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import { BALANCE_OF_ABI } from '../../../ports/contracts.ts';
import type { ChainEvidence, TransactionEvidence } from '../../../ports/evidence.ts';
import type { ChainReader, Hex, TransactionReceipt } from '../../../ports/evm.ts';
import { isSettlementContract, pairOf, settlementCall } from './settlement-contract.ts';

const CHANNELS_PER_REQUEST = 50;
const EVENTS = new Interface(settlementArtifact.abi as InterfaceAbi);

export function createChainEvidence(reader: ChainReader, network: ChainNetwork): ChainEvidence {
  return {
    tokenId: network.token.id,
    coinId: network.coin.id,
    async channels(ids) {
      const found = new Map<string, { balance: Amount; totalClaimed: Amount }>();
      for (let index = 0; index < ids.length; index += CHANNELS_PER_REQUEST) {
        const batch = ids.slice(index, index + CHANNELS_PER_REQUEST);
        const states = await reader.readContracts(batch.map((id) => settlementCall('channels', [id])));
        batch.forEach((id, place) => {
          const [balance, totalClaimed] = pairOf(states[place]);
          found.set(id, { balance: amount(balance), totalClaimed: amount(totalClaimed) });
        });
      }
      return found;
    },
    async receiver(address) {
      const state = await reader.readContract(settlementCall('receivers', [address, network.token.address]));
      const [claimed, settled] = pairOf(state);
      return { claimed: amount(claimed), settled: amount(settled) };
    },
    async transaction(hash) {
      const receipt = await reader.receipt(hash as Hex);
      return receipt === null ? null : evidenceOf(receipt);
    },
    async held(address) {
      const value = await reader.readContract({
        address: network.token.address as Hex,
        abi: BALANCE_OF_ABI,
        functionName: 'balanceOf',
        args: [address],
      });
      return amount(BigInt(String(value)));
    },
  };
}

/** Adds up the settlement contract's events in one receipt. */
function evidenceOf(receipt: TransactionReceipt): TransactionEvidence {
  const claimed = new Map<string, Amount>();
  const deposited = new Map<string, Amount>();
  const returned = new Map<string, Amount>();
  let settled = 0n;
  for (const log of receipt.logs) {
    if (!isSettlementContract(log.address)) continue;
    const event = EVENTS.parseLog({ topics: [...log.topics], data: log.data });
    if (event === null) continue;
    const add = (to: Map<string, Amount>, value: bigint) => {
      const channel = String(event.args.channelId).toLowerCase();
      to.set(channel, amount((to.get(channel) ?? 0n) + value));
    };
    if (event.name === 'Claimed') add(claimed, BigInt(event.args.claimAmount));
    if (event.name === 'Deposited') add(deposited, BigInt(event.args.amount));
    if (event.name === 'Refunded' || event.name === 'WithdrawFinalized') {
      add(returned, BigInt(event.args.amount));
    }
    if (event.name === 'Settled') settled += BigInt(event.args.amount);
  }
  return {
    succeeded: receipt.status === 'success',
    fee: receipt.fee,
    claimed,
    deposited,
    returned,
    settled: amount(settled),
  };
}
