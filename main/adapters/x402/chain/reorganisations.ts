/** Watches recorded transactions until they are too deep to be dropped by a chain reorganization. */
import type { ClaimOutcome } from '../../../ports/claims.ts';
import type { ChainReader, Hex } from '../../../ports/evm.ts';
import type { Outbox, RecordedEntry } from './outbox.ts';

/** No chain that we pay on reorganizes deeper than this. */
const FINAL_BLOCKS = 256;

/**
 * Returns the recorded transactions that the chain has dropped, newest first. Transactions that only moved to
 * another block are stored again with the new block.
 */
export async function findUndone(outbox: Outbox, chain: ChainReader): Promise<readonly ClaimOutcome[]> {
  const undone: ClaimOutcome[] = [];
  const height = await chain.height();
  for (const recorded of outbox.recorded()) {
    if (height - recorded.blockNumber >= FINAL_BLOCKS) {
      outbox.dropRecorded(recorded.entry.hash);
      continue;
    }
    const block = await chain.blockHash(recorded.blockNumber);
    // Not every node has the block (yet, or again): no conclusion is possible.
    if (block === null) continue;
    // A block commits to all earlier blocks, so older transactions are unchanged as well.
    if (recorded.blockHash === block) break;
    // Another block, or the first check since the transaction was recorded: query the transaction itself.
    const receipt = await chain.receipt(recorded.entry.hash as Hex);
    if (receipt !== null) {
      outbox.keepRecorded({ ...recorded, blockNumber: receipt.blockNumber, blockHash: receipt.blockHash });
    } else if (!(await chain.isPending(recorded.entry.hash as Hex))) {
      undone.push(toUndone(recorded));
    }
  }
  return undone;
}

function toUndone({ entry, fee, blockNumber }: RecordedEntry): ClaimOutcome {
  const channels = entry.type === 'claimed' ? entry.channels : entry.marks;
  return {
    type: 'undone',
    what: entry.type,
    tx: { hash: entry.hash, blockNumber, fee },
    channelIds: channels.map(({ channelId }) => channelId),
  };
}
