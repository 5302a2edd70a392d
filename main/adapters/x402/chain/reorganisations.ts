/** Watches recorded transactions until they are too deep to be dropped by a chain reorganization. */
import type { ClaimOutcome } from '../../../ports/claims.ts';
import type { ChainReader, Hex } from '../../../ports/evm.ts';
import type { BookedEntry, Outbox } from './outbox.ts';

/** No chain that we pay on reorganizes deeper than this. */
const FINAL_BLOCKS = 256;

/**
 * Returns the recorded transactions that the chain has dropped, newest first. Transactions that only moved to
 * another block are stored again with the new block.
 */
export async function findUndone(outbox: Outbox, chain: ChainReader): Promise<readonly ClaimOutcome[]> {
  const undone: ClaimOutcome[] = [];
  const height = await chain.height();
  for (const booked of outbox.booked()) {
    if (height - booked.blockNumber >= FINAL_BLOCKS) {
      outbox.dropBooked(booked.entry.hash);
      continue;
    }
    const block = await chain.blockHash(booked.blockNumber);
    // Not every node has the block (yet, or again): no conclusion is possible.
    if (block === null) continue;
    // A block commits to all earlier blocks, so older transactions are unchanged as well.
    if (booked.blockHash === block) break;
    // Another block, or the first check since the transaction was recorded: query the transaction itself.
    const receipt = await chain.receipt(booked.entry.hash as Hex);
    if (receipt !== null) {
      outbox.keepBooked({ ...booked, blockNumber: receipt.blockNumber, blockHash: receipt.blockHash });
    } else if (!(await chain.isPending(booked.entry.hash as Hex))) {
      undone.push(toUndone(booked));
    }
  }
  return undone;
}

function toUndone({ entry, fee, blockNumber }: BookedEntry): ClaimOutcome {
  const channels = entry.type === 'claimed' ? entry.channels : entry.marks;
  return {
    type: 'undone',
    what: entry.type,
    tx: { hash: entry.hash, blockNumber, fee },
    channelIds: channels.map(({ channelId }) => channelId),
  };
}
