/**
 * Verifies: hotkeys that the owner allows use the machine for free, by either protocol, and everything else is refused
 *   before it costs anything.
 * Setup: the real services and keys; an engine of words, a payment gate that would refuse what isn't paid, and a clock
 *   that the test moves.
 * Fails if: a request is answered that was altered, repeated, old, early, unsigned, or signed by or for somebody else; a
 *   job of a hotkey is charged or counts as a buyer's; a flood makes the machine verify signature after signature.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Hono } from 'hono';
import { hotkeys } from '../../../main/adapters/bittensor/index.ts';
import { UNPROVEN_MAX, WRONG_MAX } from '../../../main/core/bittensor/limits.ts';
import { hotkeyPeer } from '../../../shared/bittensor.ts';
import {
  AXON_PREFIX,
  BATCH_JOB_HEADER,
  BTAUTH_HEADERS,
  CHAT_PATH,
  CUSTOMER_HEADER,
  MODELS_PATH,
  PAYMENT_HEADER,
  TEXT_PATH,
} from '../../../shared/wire.ts';
import {
  ASK,
  assertRefused,
  FRIEND,
  NOW_MS,
  OWN,
  openAccess,
  type Sent,
  STRANGER,
  signed,
  synapse,
} from './hotkey-access.ts';

const WORDS = 'The sky is blue. ';

/** Returns a function that makes requests under an allowed name with a signature of something else. */
function forging(): (address: string) => Sent {
  const sent = signed();
  let nonce = BigInt(sent.headers[BTAUTH_HEADERS.nonce] ?? '');
  return (address) => {
    nonce += 1n;
    return { ...sent, address, headers: { ...sent.headers, [BTAUTH_HEADERS.nonce]: String(nonce) } };
  };
}

test('answers an allowed hotkey for free and books the job under its name', async () => {
  const access = await openAccess();
  const response = await access.send(signed());
  assert.equal(response.status, 200);
  const answer = (await response.json()) as { choices: [{ message: { content: string } }] };
  assert.equal(answer.choices[0].message.content, WORDS);
  const [job] = access.jobs.all();
  assert.deepEqual([job?.peer, job?.state, job?.charged], [hotkeyPeer(FRIEND.address), 'charged', '0']);
  assert.deepEqual(
    [access.charged[0]?.receipt.charged, access.charged[0]?.receipt.price.outputPerMillion],
    ['0', '0'],
  );
  assert.equal(access.gate.total(), 0n);
});

test('streams, and lists the models', async () => {
  const access = await openAccess();
  const body = JSON.stringify({ ...JSON.parse(ASK), stream: true });
  const streamed = await access.send(signed({ body }));
  assert.match(await streamed.text(), /blue[\s\S]*\[DONE\]/);
  const models = await access.send(signed({ method: 'GET', path: MODELS_PATH }));
  assert.equal(models.status, 200);
  assert.equal(((await models.json()) as { data: unknown[] }).data.length, 1);
});

test('ends a request with its caller', async () => {
  const words: number[] = [];
  const caller = new AbortController();
  const access = await openAccess({}, undefined, async (index) => {
    words.push(index);
    if (index === 2) caller.abort();
    await new Promise((resolve) => setImmediate(resolve));
  });
  const body = JSON.stringify({ ...JSON.parse(ASK), stream: true });
  const streamed = await access.send({ ...signed({ body }), signal: caller.signal });
  await assert.rejects(async () => {
    for await (const _ of streamed.body ?? []);
    // Without an error of the stream, the caller's own signal ends it.
    caller.signal.throwIfAborted();
  });
  for (let turns = 0; turns < 50; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(words.length <= 3, `${words.length} words were generated`);
});

test('refuses what is altered, repeated, old, early, unsigned, or by or for another hotkey', async () => {
  const access = await openAccess();
  const good = signed();
  assert.equal((await access.send(good)).status, 200);
  await assertRefused(access, good, 401, 'signature_replayed');
  await assertRefused(access, signed({ atMs: NOW_MS - 2 }), 401, 'signature_stale');
  access.clock.advance(20_000);
  const now = NOW_MS + 20_000;
  assert.equal((await access.send(signed({ atMs: now - 9_999 }))).status, 200);
  await assertRefused(access, signed({ atMs: now - 10_001 }), 401, 'signature_stale');
  assert.equal((await access.send(signed({ atMs: now + 1_999 }))).status, 200);
  await assertRefused(access, signed({ atMs: now + 2_001 }), 401, 'signature_early');
  const parts = { atMs: now };
  await assertRefused(access, { ...signed(parts), body: `${ASK} ` }, 401, 'signature_wrong');
  await assertRefused(access, { ...signed(parts), path: `${CHAT_PATH}?a=b` }, 401, 'signature_wrong');
  const asText = signed(parts);
  await assertRefused(access, { ...asText, path: TEXT_PATH }, 401, 'signature_wrong');
  await assertRefused(access, signed({ ...parts, receiver: STRANGER.address }), 401, 'signature_for_another');
  await assertRefused(access, signed({ ...parts, by: STRANGER }), 403, 'hotkey_not_accepted');
  assert.deepEqual(access.strangers, [STRANGER.address]);
  const { headers, ...bare } = signed(parts);
  await assertRefused(access, { ...bare, headers: {} }, 401, 'signature_missing');
  const edwards = { ...bare, headers: { ...headers, [BTAUTH_HEADERS.scheme]: 'ed25519' } };
  await assertRefused(access, edwards, 401, 'signature_missing');
  const byStranger = signed({ ...parts, by: STRANGER });
  const claimed = { ...byStranger.headers, [BTAUTH_HEADERS.sender]: FRIEND.address };
  await assertRefused(access, { ...byStranger, headers: claimed }, 401, 'signature_wrong');
});

test('one changed character of any signed part makes a request worthless', async () => {
  const access = await openAccess();
  const { sender, receiver, nonce, signature } = BTAUTH_HEADERS;
  const names = [sender, receiver, nonce, signature, 'body'];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), fc.nat(1_000), async (name, place) => {
      const sent = signed({ address: `198.51.${place % 250}.${(place * 7) % 250}` });
      const changed = (text: string) => {
        const at = place % text.length;
        const next = text[at] === '1' ? '2' : '1';
        return text.slice(0, at) + next + text.slice(at + 1);
      };
      const altered =
        name === 'body'
          ? { ...sent, body: changed(sent.body) }
          : { ...sent, headers: { ...sent.headers, [name]: changed(sent.headers[name] ?? '') } };
      const { status } = await access.send(altered);
      assert.ok([401, 403, 429].includes(status), `${name} at ${place}: ${status}`);
      access.clock.advance(1);
      assert.deepEqual(access.jobs.all(), []);
    }),
    { numRuns: 40 },
  );
});

test('a hotkey that is taken off the list is refused from then on', async () => {
  const access = await openAccess();
  assert.equal((await access.send(signed())).status, 200);
  access.allowed.clear();
  await assertRefused(access, signed(), 403, 'hotkey_not_accepted');
});

test('waits for the owner like every job', async () => {
  const presence = { decision: 'pause', reason: 'owner-active', sinceMs: 0, untilMs: null } as const;
  const access = await openAccess({ presence: () => presence });
  const response = await access.send(signed());
  assert.equal(response.status, 503);
  assert.ok(Number(response.headers.get('retry-after')) > 0);
});

test('verifies few signatures of a flood: of one address, of many, and none of strangers', async () => {
  const access = await openAccess();
  const wrong = forging();
  for (let time = 0; time < WRONG_MAX; time += 1) await access.send(wrong('203.0.113.5'));
  assert.equal((await access.send(wrong('203.0.113.5'))).status, 429);
  assert.equal(access.verifications(), WRONG_MAX);
  const stranger = signed({ by: STRANGER, address: '192.0.2.9' });
  for (let time = 0; time < 50; time += 1) await access.send(stranger);
  assert.equal(access.verifications(), WRONG_MAX);
  for (let host = 0; host < 300; host += 1) await access.send(wrong(`198.${host % 100}.${host}.1`));
  assert.equal(access.verifications(), UNPROVEN_MAX);
});

test('an address that has proven itself isn’t held up by a flood from others', async () => {
  const access = await openAccess();
  assert.equal((await access.send(signed())).status, 200);
  const wrong = forging();
  for (let host = 0; host < 200; host += 1) await access.send(wrong(`198.${host % 100}.${host}.1`));
  assert.equal((await access.send(signed({ address: '192.0.2.9' }))).status, 429);
  assert.equal((await access.send(signed())).status, 200);
});

test('answers the dendrite of version 10 with a synapse that this machine has signed', async () => {
  const access = await openAccess();
  const sent = synapse(ASK);
  const response = await access.send(sent);
  assert.equal(response.status, 200);
  const { request, answer, axon } = (await response.json()) as {
    request: string;
    answer: string;
    axon: Record<string, string>;
  };
  assert.equal(request, ASK);
  assert.equal(JSON.parse(answer).choices[0].message.content, WORDS);
  const header = (name: string) => response.headers.get(AXON_PREFIX + name) ?? '';
  const message = [header('nonce'), FRIEND.address, OWN.address, header('uuid')].join('.');
  const signature = header('signature').slice(2);
  assert.ok(hotkeys.verify({ address: OWN.address, message, signature }));
  assert.equal(axon.signature, header('signature'));
  assert.equal(header('status_code'), '200');
  const again = await access.send(sent);
  assert.deepEqual(
    [again.status, await again.json()],
    [401, { message: 'This signed request was used already.' }],
  );
});

test('refuses a synapse whose request was altered, is streamed, or can’t be read', async () => {
  const access = await openAccess();
  const other = synapse(ASK.replace('blue', 'red'));
  const statuses: number[] = [];
  for (const sent of [
    { ...other, body: synapse(ASK).body },
    synapse(JSON.stringify({ ...JSON.parse(ASK), stream: true })),
    { ...synapse(ASK), body: '{"request":1}' },
    { ...synapse(ASK), body: '{' },
    synapse(JSON.stringify({ ...JSON.parse(ASK), model: 'none' })),
  ]) {
    const response = await access.send(sent);
    statuses.push(response.status);
    assert.equal(typeof ((await response.json()) as { message: string }).message, 'string');
  }
  assert.deepEqual(statuses, [401, 400, 400, 400, 404]);
  assert.deepEqual(access.jobs.all(), []);
});

test('synapses that make no sense count like wrong signatures, and before they are parsed', async () => {
  const access = await openAccess();
  const streamed = JSON.stringify({ ...JSON.parse(ASK), stream: true });
  for (let time = 0; time < WRONG_MAX; time += 1) {
    assert.equal((await access.send(synapse(streamed))).status, 400);
  }
  assert.equal((await access.send(synapse(streamed))).status, 429);
  const flooded = await openAccess();
  const statuses = new Set<number>();
  for (let host = 0; host < UNPROVEN_MAX + 5; host += 1) {
    const address = `198.${host}.1.1`;
    statuses.add((await flooded.send({ ...synapse(streamed), address })).status);
  }
  assert.deepEqual([...statuses], [400, 429]);
});

test('takes no header of a caller for its own: peer, subnet, customer and batch', async () => {
  const seen: Headers[] = [];
  const service = new Hono();
  service.all('*', (context) => {
    seen.push(context.req.raw.headers);
    return context.json({});
  });
  const access = await openAccess({}, service);
  const sent = signed();
  const more = {
    ...{ 'x-peer-id': 'somebody', 'x-peer-subnet': 'somewhere', cookie: 'a=b' },
    ...{ [CUSTOMER_HEADER]: 'key:0000000000000000', [BATCH_JOB_HEADER]: 'x', [PAYMENT_HEADER]: 'x' },
  };
  await access.send({ ...sent, headers: { ...sent.headers, ...more } });
  assert.deepEqual(Object.fromEntries(seen[0] ?? []), {
    'content-type': 'application/json',
    'x-peer-id': hotkeyPeer(FRIEND.address),
  });
});

/** Begins requests whose bodies don't end. */
function slowBodies(access: Awaited<ReturnType<typeof openAccess>>) {
  const open: ReadableStreamDefaultController[] = [];
  return {
    open,
    begin(address: string) {
      const body = new ReadableStream({ start: (controller) => void open.push(controller) });
      return access.send({ ...signed({ address, atMs: access.clock.now() }), body });
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Addresses in as many networks. */
const addressOf = (index: number) => `198.51.${index}.1`;

test('receives few bodies at a time, and those of four addresses leave places for others', async () => {
  const access = await openAccess();
  const { open, begin } = slowBodies(access);
  const waiting = Array.from({ length: 8 }, (_, index) => begin(addressOf(index % 4)));
  await turn();
  assert.equal((await begin(addressOf(0))).status, 429, 'of one address');
  assert.equal((await access.send(signed({ address: '203.0.113.77' }))).status, 200, 'a new address');
  waiting.push(...Array.from({ length: 24 }, (_, index) => begin(addressOf(4 + (index % 12)))));
  await turn();
  assert.equal((await begin(addressOf(99))).status, 429, 'of all');
  const known = { ...signed({ address: '203.0.113.77' }) };
  assert.equal((await access.send(known)).status, 200, 'an address that has proven itself');
  for (const controller of open) controller.error(new Error('gone'));
  for (const each of waiting) assert.equal((await each).status, 400);
  assert.equal((await access.send(signed())).status, 200);
});

test('a body has to arrive while its signature is fresh, and who sends none is refused after a while', async () => {
  const access = await openAccess();
  const { begin } = slowBodies(access);
  const statuses: number[] = [];
  for (let round = 0; round < WRONG_MAX / 2; round += 1) {
    const waiting = [begin(addressOf(1)), begin(addressOf(1))];
    await turn();
    access.clock.advance(10_000);
    statuses.push(...(await Promise.all(waiting)).map(({ status }) => status));
  }
  assert.deepEqual(new Set(statuses), new Set([400]));
  assert.equal((await begin(addressOf(1))).status, 429);
  assert.equal((await access.send(signed({ atMs: access.clock.now() }))).status, 200, 'its place is free');
});

test('requests whose bodies don’t arrive use up no signatures of others', async () => {
  const access = await openAccess();
  for (let index = 0; index < UNPROVEN_MAX + 10; index += 1) {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error('gone')) });
    const { status } = await access.send({ ...signed({ address: addressOf(index) }), body });
    assert.equal(status, 400);
  }
  assert.equal(access.verifications(), 0);
  assert.equal((await access.send(signed())).status, 200);
});

test('the dendrite reads every failure of its synapse, and when to come again', async () => {
  const access = await openAccess();
  const refused = await access.send({ ...synapse(ASK), method: 'GET', body: '' });
  assert.equal(typeof ((await refused.json()) as { message: string }).message, 'string', 'another method');
  for (let time = 0; time < 100; time += 1) await access.send({ ...synapse(ASK), headers: {} });
  const crowded = await access.send(synapse(ASK));
  assert.equal(crowded.status, 429);
  assert.match(((await crowded.json()) as { message: string }).message, /^Too many requests/);
  assert.ok(Number(crowded.headers.get('retry-after')) > 0);
});
