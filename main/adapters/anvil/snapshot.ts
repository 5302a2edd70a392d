/**
 * The practice chain's state in one file, replaced atomically: a crash leaves the old file or the new one. Old blocks are
 * dropped, so that the file stays small however long the chain lives.
 */
import { existsSync } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { callNode } from './node-call.ts';

const MINING_MS_MAX = 1_000;
const MINING_POLL_MS = 2;

const poolSchema = z.object({ pending: z.string() });
const hexSchema = z.string().regex(/^0x([0-9a-f]{2})*$/);

/** Blocks whose transactions can be looked up; what they did to the balances stays. */
const BLOCKS_KEPT = 128;

/** The parts of anvil's state that grow with each transaction. */
const stateSchema = z.looseObject({
  best_block_number: z.number(),
  blocks: z.array(z.looseObject({ header: z.looseObject({ number: z.string() }) })),
  transactions: z.array(z.looseObject({ block_number: z.number() })),
});

export interface ChainSnapshot {
  /** Dumps the node's state; it is on disk and flushed when this resolves. */
  save(rpcUrl: string): Promise<void>;
  /** Loads the saved state into a node that has just started; does nothing if there is none yet. */
  load(rpcUrl: string): Promise<void>;
  /** Drops old blocks from the saved state. A node that loads it afterwards doesn't have them. */
  dropOldBlocks(): Promise<void>;
}

export function chainSnapshot(folder: string): ChainSnapshot {
  const path = join(folder, 'practice-chain.gz');
  /** Written by anvil itself in versions that did not save the state after each change. */
  const older = join(folder, 'practice-chain.json');
  const write = async (state: Buffer): Promise<void> => {
    const draft = `${path}.new`;
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(state);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  };
  return {
    async save(rpcUrl) {
      await untilMined(rpcUrl);
      const state = hexSchema.parse(await callNode(rpcUrl, 'anvil_dumpState', []));
      await write(Buffer.from(state.slice(2), 'hex'));
    },
    async load(rpcUrl) {
      const state = existsSync(path)
        ? await readFile(path)
        : existsSync(older)
          ? await promisify(gzip)(await readFile(older))
          : null;
      if (state !== null) await callNode(rpcUrl, 'anvil_loadState', [`0x${state.toString('hex')}`]);
    },
    async dropOldBlocks() {
      const text = (await promisify(gunzip)(await readFile(path))).toString('utf8');
      const state = withoutOldBlocks(stateSchema.parse(JSON.parse(text)));
      await write(await promisify(gzip)(JSON.stringify(state)));
    },
  };
}

function withoutOldBlocks(state: z.infer<typeof stateSchema>): z.infer<typeof stateSchema> {
  const first = state.best_block_number - BLOCKS_KEPT + 1;
  return {
    ...state,
    blocks: state.blocks.filter(({ header }) => Number(header.number) >= first),
    transactions: state.transactions.filter(({ block_number }) => block_number >= first),
  };
}

/** Waits until the pool is empty: the node acknowledges a transaction a moment before it mines it. */
async function untilMined(rpcUrl: string): Promise<void> {
  const deadline = performance.now() + MINING_MS_MAX;
  for (;;) {
    const { pending } = poolSchema.parse(await callNode(rpcUrl, 'txpool_status', []));
    if (BigInt(pending) === 0n || performance.now() > deadline) return;
    // When a test has turned mining off, transactions stay in the pool.
    if ((await callNode(rpcUrl, 'anvil_getAutomine', [])) === false) return;
    await new Promise((resolve) => setTimeout(resolve, MINING_POLL_MS));
  }
}
