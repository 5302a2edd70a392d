/**
 * Verifies: hotkeys that the owner allows use the machine for free, by either protocol, and everything else is refused
 *   before it costs anything.
 * Setup: the real door, keys and provider service; an engine of words, a payment gate that would refuse what isn't paid,
 *   and a clock that the test moves.
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
  FRIEND,
  NOW_MS,
  OWN,
  openDoor,
  refusedAtDoor,
  type Sent,
  STRANGER,
  signed,
  synapse,
} from './hotkey-door.ts';

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
  const door = await openDoor();
  const response = await door.send(signed());
  assert.equal(response.status, 200);
  const answer = (await response.json()) as { choices: [{ message: { content: string } }] };
  assert.equal(answer.choices[0].message.content, WORDS);
  const [job] = door.jobs.all();
  assert.deepEqual([job?.peer, job?.state, job?.charged], [hotkeyPeer(FRIEND.address), 'charged', '0']);
  assert.deepEqual(
    [door.charged[0]?.receipt.charged, door.charged[0]?.receipt.price.outputPerMillion],
    ['0', '0'],
  );
  assert.equal(door.gate.total(), 0n);
});

test('streams, lists the models, and ends a request with its caller', async () => {
  const door = await openDoor();
  const body = JSON.stringify({ ...JSON.parse(ASK), stream: true });
  const streamed = await door.send(signed({ body }));
  assert.match(await streamed.text(), /blue[\s\S]*\[DONE\]/);
  const models = await door.send(signed({ method: 'GET', path: MODELS_PATH }));
  assert.equal(models.status, 200);
  assert.equal(((await models.json()) as { data: unknown[] }).data.length, 1);
});

test('refuses what is altered, repeated, old, early, unsigned, or by or for another hotkey', async () => {
  const door = await openDoor();
  const good = signed();
  assert.equal((await door.send(good)).status, 200);
  await refusedAtDoor(door, good, 401, 'signature_replayed');
  await refusedAtDoor(door, signed({ atMs: NOW_MS - 1 }), 401, 'signature_stale');
  door.clock.advance(20_000);
  const now = NOW_MS + 20_000;
  assert.equal((await door.send(signed({ atMs: now - 9_999 }))).status, 200);
  await refusedAtDoor(door, signed({ atMs: now - 10_001 }), 401, 'signature_stale');
  assert.equal((await door.send(signed({ atMs: now + 1_999 }))).status, 200);
  await refusedAtDoor(door, signed({ atMs: now + 2_001 }), 401, 'signature_early');
  const parts = { atMs: now };
  await refusedAtDoor(door, { ...signed(parts), body: `${ASK} ` }, 401, 'signature_wrong');
  await refusedAtDoor(door, { ...signed(parts), path: `${CHAT_PATH}?a=b` }, 401, 'signature_wrong');
  const asText = signed(parts);
  await refusedAtDoor(door, { ...asText, path: TEXT_PATH }, 401, 'signature_wrong');
  await refusedAtDoor(door, signed({ ...parts, receiver: STRANGER.address }), 401, 'signature_for_another');
  await refusedAtDoor(door, signed({ ...parts, by: STRANGER }), 403, 'hotkey_not_accepted');
  assert.deepEqual(door.strangers, [STRANGER.address]);
  const { headers, ...bare } = signed(parts);
  await refusedAtDoor(door, { ...bare, headers: {} }, 401, 'signature_missing');
  const edwards = { ...bare, headers: { ...headers, [BTAUTH_HEADERS.scheme]: 'ed25519' } };
  await refusedAtDoor(door, edwards, 401, 'signature_missing');
  const byStranger = signed({ ...parts, by: STRANGER });
  const claimed = { ...byStranger.headers, [BTAUTH_HEADERS.sender]: FRIEND.address };
  await refusedAtDoor(door, { ...byStranger, headers: claimed }, 401, 'signature_wrong');
});

test('one changed character of any signed part makes a request worthless', async () => {
  const door = await openDoor();
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
      const { status } = await door.send(altered);
      assert.ok([401, 403, 429].includes(status), `${name} at ${place}: ${status}`);
      door.clock.advance(1);
      assert.deepEqual(door.jobs.all(), []);
    }),
    { numRuns: 40 },
  );
});

test('a hotkey that is taken off the list is refused from then on', async () => {
  const door = await openDoor();
  assert.equal((await door.send(signed())).status, 200);
  door.allowed.clear();
  await refusedAtDoor(door, signed(), 403, 'hotkey_not_accepted');
});

test('waits for the owner like every job', async () => {
  const presence = { decision: 'pause', reason: 'owner-active', sinceMs: 0, untilMs: null } as const;
  const door = await openDoor({ presence: () => presence });
  const response = await door.send(signed());
  assert.equal(response.status, 503);
  assert.ok(Number(response.headers.get('retry-after')) > 0);
});

test('verifies few signatures of a flood: of one address, of many, and none of strangers', async () => {
  const door = await openDoor();
  const wrong = forging();
  for (let time = 0; time < WRONG_MAX; time += 1) await door.send(wrong('203.0.113.5'));
  assert.equal((await door.send(wrong('203.0.113.5'))).status, 429);
  assert.equal(door.verifications(), WRONG_MAX);
  const stranger = signed({ by: STRANGER, address: '192.0.2.9' });
  for (let time = 0; time < 50; time += 1) await door.send(stranger);
  assert.equal(door.verifications(), WRONG_MAX);
  for (let host = 0; host < 300; host += 1) await door.send(wrong(`198.${host % 100}.${host}.1`));
  assert.equal(door.verifications(), UNPROVEN_MAX);
});

test('an address that has proven itself isn’t held up by a flood from others', async () => {
  const door = await openDoor();
  assert.equal((await door.send(signed())).status, 200);
  const wrong = forging();
  for (let host = 0; host < 200; host += 1) await door.send(wrong(`198.${host % 100}.${host}.1`));
  assert.equal((await door.send(signed({ address: '192.0.2.9' }))).status, 429);
  assert.equal((await door.send(signed())).status, 200);
});

test('answers the dendrite of version 10 with a synapse that this machine has signed', async () => {
  const door = await openDoor();
  const sent = synapse(ASK);
  const response = await door.send(sent);
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
  const again = await door.send(sent);
  assert.deepEqual(
    [again.status, await again.json()],
    [401, { message: 'This signed request was used already.' }],
  );
});

test('refuses a synapse whose request was altered, is streamed, or can’t be read', async () => {
  const door = await openDoor();
  const other = synapse(ASK.replace('blue', 'red'));
  const statuses: number[] = [];
  for (const sent of [
    { ...other, body: synapse(ASK).body },
    synapse(JSON.stringify({ ...JSON.parse(ASK), stream: true })),
    { ...synapse(ASK), body: '{"request":1}' },
    { ...synapse(ASK), body: '{' },
    synapse(JSON.stringify({ ...JSON.parse(ASK), model: 'none' })),
  ]) {
    const response = await door.send(sent);
    statuses.push(response.status);
    assert.equal(typeof ((await response.json()) as { message: string }).message, 'string');
  }
  assert.deepEqual(statuses, [401, 400, 400, 400, 404]);
  assert.deepEqual(door.jobs.all(), []);
});

test('takes no header of a caller for its own: peer, subnet, customer and batch', async () => {
  const seen: Headers[] = [];
  const service = new Hono();
  service.all('*', (context) => {
    seen.push(context.req.raw.headers);
    return context.json({});
  });
  const door = await openDoor({}, service);
  const sent = signed();
  const more = {
    ...{ 'x-peer-id': 'somebody', 'x-peer-subnet': 'somewhere', cookie: 'a=b' },
    ...{ [CUSTOMER_HEADER]: 'key:0000000000000000', [BATCH_JOB_HEADER]: 'x', [PAYMENT_HEADER]: 'x' },
  };
  await door.send({ ...sent, headers: { ...sent.headers, ...more } });
  assert.deepEqual(Object.fromEntries(seen[0] ?? []), {
    'content-type': 'application/json',
    'x-peer-id': hotkeyPeer(FRIEND.address),
  });
});

test('receives few bodies at a time before it has verified them', async () => {
  const door = await openDoor();
  const open: ReadableStreamDefaultController[] = [];
  const begin = (address: string) => {
    const body = new ReadableStream({ start: (controller) => void open.push(controller) });
    return door.send({ ...signed({ address }), body });
  };
  const waiting = Array.from({ length: 16 }, (_, index) => begin(`198.51.100.${index % 4}`));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await begin('198.51.100.0')).status, 429, 'of one address');
  assert.equal((await begin('198.51.100.9')).status, 429, 'of all');
  for (const controller of open) controller.error(new Error('gone'));
  for (const each of waiting) assert.equal((await each).status, 400);
  assert.equal((await door.send(signed())).status, 200);
});
