/**
 * Verifies: computed tokens are reused by the requester that they were computed for, and by nobody else, except for the
 * public beginning; the longest match wins, and what was used last stays longest.
 * Setup: the real pool with sequences that only remember their tokens.
 * Fails if: a requester's answer begins sooner because of another's prompt, or a conversation is computed twice.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createSequencePool, type PooledSequence } from '../../../main/adapters/llama/sequence-pool.ts';

const PUBLIC = [1, 2, 3];

interface FakeSequence extends PooledSequence {
  contextTokens: number[];
}

function sequence(needsCheckpoints = false): FakeSequence {
  const fake: FakeSequence = {
    contextTokens: [],
    needsCheckpoints,
    async eraseContextTokenRanges(ranges) {
      for (const { start, end } of ranges) fake.contextTokens.splice(start, end - start);
    },
    async clearHistory() {
      fake.contextTokens = [];
    },
  };
  return fake;
}

function setUp(count: number, needsCheckpoints = false) {
  const sequences = Array.from({ length: count }, () => sequence(needsCheckpoints));
  const pool = createSequencePool(sequences, [PUBLIC, [1, 9]]);
  const begin = async (prompt: readonly number[], requester: string | null) => {
    const lent = pool.lend(prompt, requester);
    await lent.prepare();
    assert.deepEqual(
      lent.sequence.contextTokens,
      prompt.slice(0, lent.cachedTokens),
      'only the match is left',
    );
    return lent;
  };
  const run = async (prompt: readonly number[], requester: string | null, answer: readonly number[] = []) => {
    const lent = await begin(prompt, requester);
    lent.sequence.contextTokens = [...prompt, ...answer];
    await lent.release(true);
    return { id: lent.id, cachedTokens: lent.cachedTokens };
  };
  return { pool, begin, run };
}

const prompt = (...own: number[]) => [...PUBLIC, ...own];

describe('sequence pool', () => {
  it('lends the lowest free sequence first', async () => {
    const { begin } = setUp(3);
    const lent = [await begin(prompt(4), null), await begin(prompt(5), null), await begin(prompt(6), null)];
    assert.deepEqual(
      lent.map(({ id }) => id),
      [0, 1, 2],
    );
    await lent[1]?.release(true);
    assert.equal((await begin(prompt(7), null)).id, 1);
  });

  it('continues a conversation on the sequence that holds it, and computes at least one token', async () => {
    const { run } = setUp(3);
    await run(prompt(4, 5), 'alice', [6]);
    await run(prompt(7, 8), 'alice');
    assert.deepEqual(await run(prompt(4, 5, 6, 10), 'alice'), { id: 0, cachedTokens: 6 });
    assert.deepEqual(await run(prompt(7, 8), 'alice'), { id: 1, cachedTokens: 4 });
  });

  it('reuses only the public beginning for another requester, and for none', async () => {
    const { run } = setUp(1);
    const secret = prompt(4, 5, 6, 7, 8);
    for (const other of ['bob', null]) {
      await run(secret, 'alice');
      assert.equal((await run(secret, other)).cachedTokens, PUBLIC.length);
      assert.equal(
        (await run(secret, 'alice')).cachedTokens,
        PUBLIC.length,
        'and nothing of the other one’s',
      );
    }
    await run(secret, null);
    assert.equal((await run(secret, null)).cachedTokens, PUBLIC.length);
  });
});

const LONG = Array.from({ length: 300 }, (_, index) => 1_000 + index);

describe('sequence pool, while others run', () => {
  it('lends a place next to them rather than the one of a short own beginning', async () => {
    const { begin, run } = setUp(4);
    const first = await begin(prompt(4), 'alice');
    const second = await begin(prompt(5), 'alice');
    await run(prompt(6, 7, 8), 'bob');
    await second.release(true);
    // Bob's is apart from Alice's.
    assert.deepEqual(await run(prompt(6, 7, 8), 'bob'), { id: 1, cachedTokens: 0 });
    await first.release(true);
  });

  it('closes a gap between them first', async () => {
    const { begin } = setUp(4);
    const lent = [await begin(prompt(4), null), await begin(prompt(5), null), await begin(prompt(6), null)];
    await lent[0]?.release(true);
    await lent[1]?.release(true);
    assert.equal((await begin(prompt(7), null)).id, 1, 'next to the third');
    await lent[2]?.release(true);
    const other = await begin(prompt(8), null);
    assert.notEqual(other.id, 3, 'next to the second');
  });

  it('continues a long conversation apart from them, and gives none up for a place next to them', async () => {
    const { begin, run } = setUp(4);
    const holders = [
      await begin(prompt(4), 'alice'),
      await begin(prompt(5), 'alice'),
      await begin(prompt(...LONG), 'bob'),
    ];
    for (const lent of holders) {
      lent.sequence.contextTokens = lent.id === 2 ? prompt(...LONG) : prompt(4);
      await lent.release(true);
    }
    await run(prompt(9, 10, 11), 'carol');
    const running = await begin(prompt(9, 10, 11), 'carol');
    assert.equal(running.id, 3);
    assert.notEqual((await run(prompt(10), 'dave')).id, 2, 'Bob may continue');
    assert.deepEqual(await run(prompt(...LONG, 7), 'bob'), {
      id: 2,
      cachedTokens: PUBLIC.length + LONG.length,
    });
    await begin(prompt(6), 'alice');
    await running.release(true);
  });

  it('takes the only free one, whatever it holds', async () => {
    const { begin, run } = setUp(2);
    await run(prompt(...LONG), 'alice');
    await begin(prompt(4), 'bob');
    assert.equal((await begin(prompt(5), 'carol')).cachedTokens, PUBLIC.length);
  });
});

describe('sequence pool, choosing what to give up', () => {
  it('gives up what nobody can reuse first, then what was used least recently', async () => {
    const { run } = setUp(3);
    await run(prompt(4), 'alice');
    await run(prompt(5), null);
    await run(prompt(6), 'bob');
    // Bob took what nobody could reuse; the third was empty.
    assert.equal((await run(prompt(7), 'carol')).id, 2);
    assert.equal((await run(prompt(8), 'dave')).id, 0);
    assert.equal((await run(prompt(9), 'erin')).id, 1);
  });

  it('keeps a conversation when another one of the same requester begins with a few equal tokens', async () => {
    const { run } = setUp(2);
    const conversation = prompt(...Array.from({ length: 40 }, (_, index) => 100 + index));
    await run(conversation, 'alice');
    assert.equal((await run(prompt(100, 101, 50, 51, 52, 53), 'alice')).id, 1);
    assert.deepEqual(await run([...conversation, 7], 'alice'), { id: 0, cachedTokens: conversation.length });
  });

  it('erases everything after a failure', async () => {
    const { begin, run } = setUp(1);
    const lent = await begin(prompt(4, 5), 'alice');
    lent.sequence.contextTokens = prompt(4, 5);
    await lent.release(false);
    assert.equal((await run(prompt(4, 5), 'alice')).cachedTokens, 0);
  });

  it('computes a prompt as a whole if the model’s state can’t be cut where they differ', async () => {
    const { run } = setUp(1, true);
    await run(prompt(4, 5), 'alice');
    assert.equal((await run(prompt(4, 5, 6), 'alice')).cachedTokens, 5);
    assert.equal((await run(prompt(4, 7), 'alice')).cachedTokens, 0);
  });

  it('never lets a requester’s cached count depend on what others have sent', async () => {
    const token = fc.integer({ min: 1, max: 4 });
    const request = fc.record({
      requester: fc.constantFrom('alice', 'bob', null),
      own: fc.array(token, { minLength: 1, maxLength: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 30 }), async (requests) => {
        const { run } = setUp(3);
        const sent = new Map<string, number[][]>();
        for (const { requester, own } of requests) {
          const whole = prompt(...own);
          const { cachedTokens } = await run(whole, requester);
          const earlier = requester === null ? [] : (sent.get(requester) ?? []);
          const possible = [...earlier.map((each) => common(each, whole)), PUBLIC.length, 0];
          assert.ok(cachedTokens <= Math.max(...possible));
          if (requester !== null) sent.set(requester, [...earlier, whole]);
        }
      }),
    );
  });
});

function common(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((token, index) => token !== b[index]);
  return differs < 0 ? a.length : differs;
}
