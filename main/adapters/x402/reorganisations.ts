/** Watches what was booked until it is too deep to be dropped: a block that is another one now took it along. */
import type { ClaimOutcome } from '../../ports/claims.ts';
import type { ChainReader, Hex } from '../../ports/evm.ts';
import type { BookedEntry, Outbox } from './outbox.ts';

/** No chain that we pay on reorganises deeper. */
const FINAL_BLOCKS = 256;

/** Booked transactions that the chain has dropped, the latest first; what was only moved is noted anew. */
export async function findUndone(outbox: Outbox, chain: ChainReader): Promise<readonly ClaimOutcome[]> {
  const undone: ClaimOutcome[] = [];
  const height = await chain.height();
  for (const booked of outbox.booked()) {
    if (height - booked.blockNumber >= FINAL_BLOCKS) {
      outbox.dropBooked(booked.entry.hash);
      continue;
    }
    const block = await chain.blockHash(booked.blockNumber);
    // Not known to every node yet, or again: nothing is concluded from it.
    if (block === null) continue;
    // The blocks below it are in it: whatever is older stands as well.
    if (booked.blockHash === block) break;
    // Another block, or the first look since it was booked: the transaction itself is asked for.
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
