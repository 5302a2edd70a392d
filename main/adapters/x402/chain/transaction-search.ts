/** Searches the chain's events for claims and payouts that third parties sent for us, and puts them into the outbox. */
import type { Amount } from '../../../../shared/money.ts';
import { SETTLEMENT_ADDRESS } from '../../../ports/contracts.ts';
import type { ChainLog, Hex } from '../../../ports/evm.ts';
import { IMMEDIATE } from '../../../ports/store.ts';
import type { ClaimsParts } from './claims-parts.ts';
import type { PayoutMark } from './outbox.ts';

const COLLECTION = 'x402-look';
const KEY = 'height';
/** Number of blocks that the first check covers. */
const FIRST_CHECK_BLOCKS = 10_000;

/** A claim that is on the chain and not in our records. */
export interface FoundClaim {
  readonly channelId: string;
  readonly amount: Amount;
  readonly claimedTotal: Amount;
  /** The channel's total in the contract, which may exceed the total of our records. */
  readonly chainTotal: bigint;
}

export interface TransactionSearch {
  /** Finds the transactions of these claims. The claims of one transaction are one outbox entry. */
  recordClaims(claims: readonly FoundClaim[]): Promise<void>;
  recordPayout(marks: readonly PayoutMark[]): Promise<void>;
  /** Stores the current height: the next search for claims starts there. */
  markChecked(): Promise<void>;
}

export function createTransactionSearch({ options, outbox }: ClaimsParts): TransactionSearch {
  const { sender, store, durability = IMMEDIATE } = options;

  async function checkedHeight(): Promise<number> {
    const known = store.get(COLLECTION, KEY);
    if (known !== null) return Number(known);
    return Math.max(0, (await sender.height()) - FIRST_CHECK_BLOCKS);
  }

  async function transactionOf(claim: FoundClaim, fromBlock: number): Promise<string | null> {
    const logs = await sender.logs({
      address: SETTLEMENT_ADDRESS,
      topics: [null, claim.channelId as Hex],
      fromBlock,
    });
    // A claim's event ends with the channel's new total.
    const log = logs.findLast(({ data }) => lastWord(data) === claim.chainTotal) ?? logs.at(-1);
    return log?.hash ?? null;
  }

  return {
    async recordClaims(claims) {
      const fromBlock = await checkedHeight();
      const byHash = new Map<string, FoundClaim[]>();
      for (const claim of claims) {
        const hash = await transactionOf(claim, fromBlock);
        if (hash !== null) byHash.set(hash, [...(byHash.get(hash) ?? []), claim]);
      }
      for (const [hash, found] of byHash) {
        const channels = found.map(({ channelId, amount, claimedTotal }) => ({
          channelId,
          amount,
          claimedTotal,
        }));
        outbox.begin({ type: 'claimed', hash, relayed: true, channels });
      }
    },
    async recordPayout(marks) {
      const known = new Set([
        ...outbox.entries().flatMap(({ hash, earlier }) => [hash, ...earlier]),
        ...outbox.recorded().map(({ entry }) => entry.hash),
      ]);
      const logs: readonly ChainLog[] = await sender.logs({
        address: SETTLEMENT_ADDRESS,
        topics: [null, asTopic(options.payout), asTopic(options.network.token.address)],
        fromBlock: Math.max(0, (await checkedHeight()) - FIRST_CHECK_BLOCKS),
      });
      const log = logs.findLast(({ hash, topics }) => topics.length === 4 && !known.has(hash));
      if (log === undefined) return;
      outbox.begin({ type: 'settled', hash: log.hash, relayed: true, marks: [...marks] });
    },
    async markChecked() {
      const height = String(await sender.height());
      // A search from an earlier height finds the same.
      durability.defer(() => store.set(COLLECTION, KEY, height));
    },
  };
}

function lastWord(data: Hex): bigint | null {
  return data.length >= 66 ? BigInt(`0x${data.slice(-64)}`) : null;
}

function asTopic(address: string): Hex {
  return `0x${address.slice(2).toLowerCase().padStart(64, '0')}`;
}
