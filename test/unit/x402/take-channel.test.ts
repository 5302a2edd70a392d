/**
 * Verifies: a request gets only a channel whose last charge is known, so that a later charge is certain to be its own.
 * Setup: the real pool; the provider's answers to questions for a charge are given by the test, and its clock moves.
 * Fails if: a channel with an unknown charge is used without a question, a busy one keeps the request from a free one, a
 * provider that is away keeps a channel, or the search never ends.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createChannelsByPeer } from '../../../main/adapters/x402/buying/provider-channels.ts';
import { type TakingParts, takeChannel } from '../../../main/adapters/x402/buying/take-channel.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

type Answer = Awaited<ReturnType<TakingParts['lost']['ask']>>;
type Channel = ReturnType<TakingParts['channelOf']>;

function setUp(answers: Readonly<Record<number, Answer>>, disputed: readonly string[] = []) {
  const clock = manualClock(0);
  const channelsOf = createChannelsByPeer(() => 3, clock);
  const asked: string[] = [];
  const provider = { peer: 'p', fetch: () => Promise.reject(new Error('nothing is sent')) };
  channelsOf('p').requirements = {} as NonNullable<ReturnType<typeof channelsOf>['requirements']>;
  const parts: TakingParts = {
    ...{ clock, channelsOf, network: {} as TakingParts['network'] },
    register: { isDisputed: (id) => disputed.includes(id) },
    channelOf: (_peer, index) => ({ id: `channel-${index}` }) as Channel,
    lost: {
      async ask({ slot, channel }) {
        asked.push(channel.id);
        return answers[slot.index] ?? 'known';
      },
    },
  };
  return { clock, asked, pool: channelsOf('p').pool, take: () => takeChannel(parts, provider, amount(1)) };
}

test('a channel is asked about before it is used; one that the provider works on is passed over', async () => {
  const { asked, take } = setUp({ 0: 'busy', 1: 'busy' });
  assert.equal((await take()).channel.id, 'channel-2');
  assert.deepEqual(asked, ['channel-0', 'channel-1', 'channel-2']);
});

test('a provider that is away gets no request, and its channel stays free for the next one', async () => {
  const answers: Record<number, Answer> = { 0: 'away' };
  const { pool, take } = setUp(answers);
  await assert.rejects(take(), { code: 'peer-unreachable' });
  assert.notEqual(pool.takeNumber(0), null);
});

test('a charge that the provider can’t prove hinders nothing, and a disputed channel is given up', async () => {
  const { take, asked } = setUp({ 1: 'unknown' }, ['channel-0']);
  assert.equal((await take()).channel.id, 'channel-1');
  assert.deepEqual(asked, ['channel-1']);
});

test('a request waits while the provider works on every channel, and is refused in the end', async () => {
  const answers: Record<number, Answer> = { 0: 'busy', 1: 'busy', 2: 'busy' };
  const { clock, take, asked } = setUp(answers);
  const passing = async (taking: Promise<unknown>) => {
    let hasEnded = false;
    const end = () => {
      hasEnded = true;
    };
    taking.then(end, end);
    while (!hasEnded) {
      clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const refused = take();
  await passing(refused);
  await assert.rejects(refused, { code: 'busy' });
  assert.ok(asked.length > 3);
  clock.advance(1_000);
  const taken = take();
  answers[1] = 'known';
  await passing(taken);
  assert.equal((await taken).channel.id, 'channel-1');
});
