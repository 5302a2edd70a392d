/**
 * Remembers which provider answered the beginning of a conversation: it still has the computed tokens, so that the next
 * answer begins sooner there, and may be cheaper. One buyer's conversations only, as hashes, and forgotten with the
 * process. The provider finds the tokens by the payer, so that any channel of this buyer will do.
 */
import { createHash } from 'node:crypto';
import type { AskedCompletion } from '../../../shared/asked.ts';

export interface PrefixHolder {
  readonly peer: string;
  /** Length of the known beginning, in UTF-8 bytes of its texts. */
  readonly bytes: number;
}

type Asked = Pick<AskedCompletion, 'model' | 'prompt'>;

export interface PrefixHolders {
  /** Returns the provider that answered the longest known beginning of this prompt; null if none is known. */
  find(asked: Asked): PrefixHolder | null;
  /** Records that this provider answers this prompt. */
  note(asked: Asked, peer: string): void;
}

/** Beginnings are compared in whole blocks of this size. */
const BLOCK_BYTES = 128;
/** Longer prompts are compared by their beginning. */
const PROMPT_BYTES_MAX = 16_384;
/** Blocks in total; at least those of 128 conversations. */
const BLOCKS_MAX = 16_384;

export function createPrefixHolders(): PrefixHolders {
  /** By the hash of a beginning; the one used last is at the end. */
  const holders = new Map<string, string>();
  return {
    find(asked) {
      const hashes = beginnings(asked);
      for (const [index, hash] of [...hashes.entries()].reverse()) {
        const peer = holders.get(hash);
        if (peer !== undefined) return { peer, bytes: (index + 1) * BLOCK_BYTES };
      }
      return null;
    },
    note(asked, peer) {
      for (const hash of beginnings(asked)) {
        holders.delete(hash);
        holders.set(hash, peer);
      }
      for (const hash of holders.keys()) {
        if (holders.size <= BLOCKS_MAX) break;
        holders.delete(hash);
      }
    },
  };
}

/** Returns one hash for each beginning of whole blocks, the shortest first. */
function beginnings({ model, prompt }: Asked): string[] {
  const bytes = Buffer.from(textsOf(prompt).join('\n')).subarray(0, PROMPT_BYTES_MAX);
  const hashes: string[] = [];
  let before = JSON.stringify([prompt.kind, model]);
  for (let end = BLOCK_BYTES; end <= bytes.length; end += BLOCK_BYTES) {
    before = createHash('sha256')
      .update(before)
      .update(bytes.subarray(end - BLOCK_BYTES, end))
      .digest('base64url');
    hashes.push(before);
  }
  return hashes;
}

/** Everything that the engine reads, in its order: tools stand before the messages in most templates. */
function textsOf(prompt: Asked['prompt']): readonly string[] {
  switch (prompt.kind) {
    case 'text':
      return [prompt.text];
    case 'embed':
      // Vectors reuse no computed tokens.
      return [];
    case 'chat':
      return [
        JSON.stringify(prompt.tools ?? []),
        ...prompt.messages.map((message) => JSON.stringify(message)),
      ];
  }
}
