/**
 * Verifies: a request gets only a channel whose last charge is known, so that a later charge is certain to be its own.
 * Setup: the real pool; the provider's answers to questions for a charge are given by the test, and its clock moves.
 * Fails if: a channel with an unknown charge is used without a question, a busy one keeps the request from a free one, a
 * provider that is away keeps a channel, the search never ends, or an address is paid that the provider's offer doesn't
 * name, or a provider that was just paused counts as unreachable.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createChannelsByPeer } from '../../../main/adapters/x402/buying/provider-channels.ts';
import { type TakingParts, takeChannel } from '../../../main/adapters/x402/buying/take-channel.ts';
import { amount } from '../../../shared/money.ts';
import { PAYMENT_REQUIRED_HEADER } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';

type Answer = Awaited<ReturnType<TakingParts['lost']['ask']>>;
const KNOWN: Answer = { kind: 'known' };
const BUSY: Answer = { kind: 'busy' };
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
        return answers[slot.index] ?? KNOWN;
      },
    },
  };
  return { clock, asked, pool: channelsOf('p').pool, take: () => takeChannel(parts, provider, amount(1)) };
}

test('a channel is asked about before it is used; one that the provider works on is passed over', async () => {
  const { asked, take } = setUp({ 0: BUSY, 1: BUSY });
  assert.equal((await take()).channel.id, 'channel-2');
  assert.deepEqual(asked, ['channel-0', 'channel-1', 'channel-2']);
});

test('a provider that is away or paused gets no request, and its channel stays free for the next one', async () => {
  const away = setUp({ 0: { kind: 'away' } });
  await assert.rejects(away.take(), { code: 'peer-unreachable' });
  assert.notEqual(away.pool.takeNumber(0), null);
  const paused = setUp({ 0: { kind: 'paused', code: 'paused_disk_full' } });
  await assert.rejects(paused.take(), { code: 'paused', details: { peer: 'p', code: 'paused_disk_full' } });
  assert.deepEqual(paused.asked, ['channel-0'], 'another channel would get the same answer');
  assert.notEqual(paused.pool.takeNumber(0), null);
});

test('a charge that the provider can’t prove hinders nothing, and a disputed channel is given up', async () => {
  const { take, asked } = setUp({ 1: { kind: 'unknown' } }, ['channel-0']);
  assert.equal((await take()).channel.id, 'channel-1');
  assert.deepEqual(asked, ['channel-1']);
});

test('a request waits while the provider works on every channel, and is refused in the end', async () => {
  const answers: Record<number, Answer> = { 0: BUSY, 1: BUSY, 2: BUSY };
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
  answers[1] = KNOWN;
  await passing(taken);
  assert.equal((await taken).channel.id, 'channel-1');
});

test('a provider that demands payment to another address than its offer names gets nothing', async () => {
  const { take, pool, demand } = setUpDemand();
  const [payout, other] = [`0xAb${'0'.repeat(38)}`, `0x${'2'.repeat(40)}`];
  demand(other);
  await assert.rejects(take(payout), {
    code: 'payment-required',
    details: { peer: 'p', reason: 'other-payout' },
  });
  const slot = pool.takeNumber(0);
  assert.ok(slot !== null, 'the channel is free again');
  pool.release(slot);
  demand(payout.toLowerCase());
  assert.equal((await take(payout)).requirement.payTo, payout.toLowerCase());
  // The provider has changed its address: what it demanded before is out of date.
  demand(other);
  assert.equal((await take(other)).requirement.payTo, other);
});

test('a provider that takes nothing right now refuses the first request as a pause, and nothing is signed', async () => {
  const pool = createChannelsByPeer(() => 3, manualClock(0));
  let channels = 0;
  const refusing = (status: number, body: string) => {
    const parts: TakingParts = {
      ...{ clock: manualClock(0), channelsOf: pool, network: {} as TakingParts['network'] },
      register: { isDisputed: () => false },
      channelOf: () => {
        channels += 1;
        return { id: 'channel' } as Channel;
      },
      lost: { ask: async () => KNOWN },
    };
    const fetch = async () => new Response(body, { status });
    return takeChannel(parts, { peer: 'p', fetch }, amount(1));
  };
  const paused = JSON.stringify({ error: { code: 'paused_disk_full' } });
  await assert.rejects(refusing(503, paused), {
    code: 'paused',
    details: { peer: 'p', code: 'paused_disk_full' },
  });
  await assert.rejects(refusing(503, 'not JSON'), { code: 'paused', details: { peer: 'p' } });
  await assert.rejects(refusing(429, '{}'), { code: 'busy' });
  await assert.rejects(refusing(500, paused), { code: 'peer-unreachable' });
  assert.equal(channels, 0);
  assert.notEqual(pool('p').pool.takeNumber(0), null, 'its channel is free for the next request');
});

/** A provider that demands payment to an address of the test's choice. */
function setUpDemand() {
  const token = { address: `0x${'9'.repeat(40)}`, eip712: { name: 'USDC', version: '2' } };
  const network = { id: 'eip155:31337', token } as unknown as TakingParts['network'];
  const clock = manualClock(0);
  const channelsOf = createChannelsByPeer(() => 3, clock);
  const extra = { receiverAuthorizer: token.address, withdrawDelay: 86_400 };
  let payTo = '';
  const required = () => ({
    x402Version: 2,
    resource: { url: '/', description: '', mimeType: '' },
    accepts: [
      {
        ...{ scheme: 'batch-settlement', network: network.id, asset: token.address, amount: '1', payTo },
        ...{ maxTimeoutSeconds: 60, extra: { ...token.eip712, ...extra } },
      },
    ],
  });
  const headers = () => ({
    [PAYMENT_REQUIRED_HEADER]: Buffer.from(JSON.stringify(required())).toString('base64'),
  });
  const parts: TakingParts = {
    ...{ clock, channelsOf, network, register: { isDisputed: () => false } },
    channelOf: (_peer, index) => ({ id: `channel-${index}` }) as Channel,
    lost: { ask: async () => KNOWN },
  };
  const fetch = async () => new Response('', { status: 402, headers: headers() });
  return {
    pool: channelsOf('p').pool,
    demand(address: string) {
      payTo = address;
    },
    take: (offered: string) => takeChannel(parts, { peer: 'p', payTo: offered, fetch }, amount(1)),
  };
}
