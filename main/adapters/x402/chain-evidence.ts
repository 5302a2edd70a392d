/** The channels' contract, asked and read back for an audit; see the port. */
import { Interface, type InterfaceAbi } from 'ethers';
import settlementArtifact from '../../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import { type Amount, amount } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import type { ChainEvidence, SoldChannelRecord, TransactionEvidence } from '../../ports/evidence.ts';
import type { ChainReader, ContractCall, Hex } from '../../ports/evm.ts';
import type { RecordStore } from '../../ports/store.ts';
import { createSoldChannels } from './channel-storage.ts';
import { SETTLEMENT_ADDRESS } from './wire.ts';

const CHANNELS_AT_ONCE = 50;
const BALANCE_OF = ['function balanceOf(address) view returns (uint256)'];
const EVENTS = new Interface(settlementArtifact.abi as InterfaceAbi);

export function createChainEvidence(reader: ChainReader, network: ChainNetwork): ChainEvidence {
  const callOf = (functionName: string, args: readonly unknown[]): ContractCall => ({
    address: SETTLEMENT_ADDRESS,
    abi: settlementArtifact.abi,
    functionName,
    args,
  });
  return {
    tokenId: network.token.id,
    coinId: network.coin.id,
    async channels(ids) {
      const found = new Map<string, { balance: Amount; totalClaimed: Amount }>();
      for (let index = 0; index < ids.length; index += CHANNELS_AT_ONCE) {
        const batch = ids.slice(index, index + CHANNELS_AT_ONCE);
        const states = await reader.readContracts(batch.map((id) => callOf('channels', [id])));
        batch.forEach((id, place) => {
          const [balance, totalClaimed] = pair(states[place]);
          found.set(id, { balance, totalClaimed });
        });
      }
      return found;
    },
    async receiver(address) {
      const state = await reader.readContract(callOf('receivers', [address, network.token.address]));
      const [claimed, settled] = pair(state);
      return { claimed, settled };
    },
    async transaction(hash) {
      const receipt = await reader.receipt(hash as Hex);
      if (receipt === null) return null;
      const claimed = new Map<string, Amount>();
      const deposited = new Map<string, Amount>();
      const returned = new Map<string, Amount>();
      let settled = 0n;
      for (const log of receipt.logs) {
        if (log.address.toLowerCase() !== SETTLEMENT_ADDRESS.toLowerCase()) continue;
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
      const evidence: TransactionEvidence = {
        succeeded: receipt.status === 'success',
        fee: receipt.fee,
        claimed,
        deposited,
        returned,
        settled: amount(settled),
      };
      return evidence;
    },
    async held(address) {
      const value = await reader.readContract({
        address: network.token.address as Hex,
        abi: BALANCE_OF,
        functionName: 'balanceOf',
        args: [address],
      });
      return amount(BigInt(String(value)));
    },
  };
}

/** The provider's channels as the payment's records have them, voucher included. */
export function readSoldChannels(store: RecordStore): readonly SoldChannelRecord[] {
  return createSoldChannels(store)
    .all()
    .map((channel) => ({
      channelId: channel.channelId.toLowerCase(),
      receiver: channel.channelConfig.receiver,
      charged: amount(channel.chargedCumulativeAmount),
      promised: amount(channel.signedMaxClaimable),
    }));
}

function pair(value: unknown): readonly [Amount, Amount] {
  const [first, second] = value as readonly [bigint, bigint];
  return [amount(BigInt(first)), amount(BigInt(second))];
}
