/**
 * Verifies: a six-word code lets one machine join, once, within minutes and five tries; nobody else learns anything by
 * guessing, listening in between or inviting with a code of their own.
 * Setup: a founder and newcomers in memory, each request through the real handlers; a manual clock; random codes and frames.
 * Fails if: a code can be guessed on, used twice or late; a proof works for another connection; a malformed frame costs a
 * try or an unexpected failure; a newcomer believes a machine that doesn't know the code.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Hono } from 'hono';
import { verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { createInvitations, joinNetwork } from '../../../main/core/machines/index.ts';
import { newCode, pairingKey, proofOf, readCode } from '../../../main/core/machines/pairing-code.ts';
import { PAIRING_PATH } from '../../../shared/wire.ts';
import { createLan, createOffice, newKey, WORDS } from './office.ts';

const MINUTE_MS = 60_000;

async function start() {
  const office = await createOffice();
  const lan = createLan();
  const hosts: { peer: string; app: Hono; isOpen: boolean }[] = [];
  const invitations = createInvitations({
    ...{ clock: office.clock, log: office.log, words: WORDS },
    async host(app) {
      const { peer } = await newKey();
      const opened = { peer, app, isOpen: true };
      hosts.push(opened);
      lan.add(peer, (request) => app.fetch(request));
      return {
        peer,
        async close() {
          opened.isOpen = false;
          lan.remove(peer);
        },
      };
    },
    admit: (machine) => office.roster.add(machine),
  });
  const join = async (code: string, key = newKey()) => {
    const own = await key;
    // The search has ended, but asks every machine that is already known.
    const ended = AbortSignal.abort();
    return joinNetwork(
      {
        network: lan.from(own),
        words: WORDS,
        verifySigned,
        clock: office.clock,
        name: 'Second\u202e',
        signal: ended,
      },
      code,
    );
  };
  return { ...office, lan, hosts, invitations, join };
}

/** Asks as a peer that guesses: each guess costs an honest newcomer one scrypt, and a stranger nothing. */
function guess(app: Hono, proof = 'ef'.repeat(32)) {
  return app.request(PAIRING_PATH, {
    method: 'POST',
    body: JSON.stringify({ name: 'Stranger', nonce: '00'.repeat(32), proof }),
    headers: { 'x-peer-id': 'stranger' },
  });
}

test('a code adds one machine with the role that was chosen, and works once', async () => {
  const { invitations, join, roster, stored, hosts, clock } = await start();
  const key = await newKey();
  const { code } = await invitations.open('serve');
  const record = await join(code, Promise.resolve(key));
  assert.equal(roster.roleOf(key.peer), 'serve');
  assert.equal(roster.machines()[1]?.name, 'Second', 'without marks that turn text around');
  assert.deepEqual(record, stored.at(-1));
  await assert.rejects(join(code), { code: 'not-permitted' });
  assert.equal(roster.machines().length, 2);
  clock.advance(MINUTE_MS);
  assert.equal(hosts[0]?.isOpen, false, 'nothing listens after the code was used');
});

test('five wrong codes make a code void', async () => {
  const { invitations, join, hosts, log } = await start();
  const { code } = await invitations.open('use');
  const app = hosts[0]?.app;
  assert.ok(app);
  for (let count = 0; count < 5; count += 1) assert.equal((await guess(app)).status, 403);
  assert.equal((await guess(app)).status, 404);
  await assert.rejects(join(code), { code: 'not-permitted' });
  assert.ok(!JSON.stringify(log.lines).includes(code), 'the log has no code');
});

test('a code ends after ten minutes, also if the clock is set back, and with the next one', async () => {
  const { invitations, join, clock, hosts } = await start();
  const first = await invitations.open('use');
  const second = await invitations.open('use');
  assert.equal(hosts.filter(({ isOpen }) => isOpen).length, 1);
  await assert.rejects(join(first.code), { code: 'not-permitted' });
  clock.setTimeBy(-60 * MINUTE_MS);
  clock.advance(10 * MINUTE_MS);
  await assert.rejects(join(second.code), { code: 'not-found' });
});

test('codes that are opened at the same time leave one open', async () => {
  const { invitations, join, hosts } = await start();
  const [, last] = await Promise.all([invitations.open('use'), invitations.open('use')]);
  assert.equal(hosts.filter(({ isOpen }) => isOpen).length, 1);
  await join(last?.code ?? '');
});

test('a close ends the code that is still opening', async () => {
  const { invitations, hosts } = await start();
  await Promise.all([invitations.open('use'), invitations.close()]);
  assert.deepEqual(
    hosts.map(({ isOpen }) => isOpen),
    [false],
  );
});

test('the search continues for five seconds after a refusal', async () => {
  const { lan, clock } = await start();
  const [stranger, newcomer] = [await newKey(), await newKey()];
  lan.add(stranger.peer, () => new Response(null, { status: 404 }));
  let isOver = false;
  const code = newCode(WORDS);
  const joining = joinNetwork(
    {
      ...{ network: lan.from(newcomer), words: WORDS, verifySigned, clock, name: 'Second' },
      signal: new AbortController().signal,
    },
    code,
  ).finally(() => {
    isOver = true;
  });
  joining.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 0));
  while (!isOver) {
    clock.advance(1_000);
    await new Promise(setImmediate);
  }
  await assert.rejects(joining, { code: 'not-permitted' });
});

test('a stranger between two machines can pass nothing on', async () => {
  const { invitations, lan, hosts, roster, clock } = await start();
  const { code } = await invitations.open('use');
  const real = hosts[0];
  assert.ok(real);
  lan.remove(real.peer);
  const stranger = await newKey();
  let passedOn = 0;
  lan.add(stranger.peer, async (request) => {
    passedOn += 1;
    // The stranger is a peer of its own at the other machine.
    const copy = new Request(request, { headers: { 'x-peer-id': stranger.peer } });
    return real.app.fetch(copy);
  });
  const newcomer = await newKey();
  const network = lan.from(newcomer);
  const joining = joinNetwork(
    { network, words: WORDS, verifySigned, clock, name: 'Second', signal: AbortSignal.abort() },
    code,
  );
  await assert.rejects(joining, { code: 'not-permitted' });
  assert.equal(passedOn, 1);
  assert.equal(roster.machines().length, 1);
});

test('a stranger that invites without the code is passed over', async () => {
  const { invitations, lan, join, roster } = await start();
  const other = await createOffice();
  const stranger = await newKey();
  lan.add(stranger.peer, async (request) => {
    const { nonce } = (await request.json()) as { nonce: string };
    const joiner = request.headers.get('x-peer-id') ?? '';
    const trap = await other.roster.add({ peer: joiner, name: 'Trapped', role: 'serve' });
    const key = await pairingKey(newCode(WORDS), stranger.peer);
    const facts = { inviter: stranger.peer, joiner, name: 'Second', nonce };
    return Response.json({ ...trap, proof: proofOf(key, 'inviter', facts) });
  });
  const { code } = await invitations.open('use');
  const record = await join(code);
  assert.equal(record.founder, roster.machines()[0]?.peer);
});

test('malformed frames are refused, cost no try, and are no unexpected failure', async () => {
  const { invitations, hosts, log, join } = await start();
  const { code } = await invitations.open('use');
  const post = (body: string) =>
    hosts[0]?.app.request(PAIRING_PATH, { method: 'POST', body, headers: { 'x-peer-id': 'stranger' } });
  const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 63, maxLength: 65 });
  const frame = fc.record(
    { name: fc.oneof(fc.string(), fc.integer()), nonce: hex, proof: fc.string({ maxLength: 70 }) },
    { requiredKeys: [] },
  );
  const body = fc.oneof(
    fc.string(),
    frame.map((given) => JSON.stringify(given)),
    fc.json(),
  );
  await fc.assert(
    fc.asyncProperty(body, async (given) => {
      assert.equal((await post(given))?.status, 400);
    }),
    { numRuns: 300 },
  );
  for (const bad of [
    'x'.repeat(1_000_000),
    `${'['.repeat(900)}${']'.repeat(900)}`,
    '{"name":{"length":{"toString":null}}}',
  ]) {
    assert.equal((await post(bad))?.status, 400);
  }
  assert.deepEqual(
    log.lines.filter(({ level }) => level === 'error'),
    [],
  );
  await join(code);
});

test('a code is read however it is typed, and other words are not', () => {
  const words = fc.array(fc.nat(WORDS.length - 1), { minLength: 6, maxLength: 6 });
  const separator = fc.constantFrom(' ', '  ', '-', ', ', '\n');
  fc.assert(
    fc.property(words, separator, fc.boolean(), fc.boolean(), (drawn, between, isShort, isLoud) => {
      let next = 0;
      const code = newCode(WORDS, () => drawn[next++] ?? 0);
      const typed = code.split(' ').map((word) => (isShort ? word.slice(0, Math.max(4, 0)) : word));
      const text = ` ${typed.join(between)} `;
      assert.equal(readCode(isLoud ? text.toUpperCase() : text, WORDS), code);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        assert.equal(readCode(text, WORDS).split(' ').length, 6);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'bad-request');
      }
    }),
  );
});

test('a proof holds for one side of one connection with one name', async () => {
  const key = await pairingKey('a code', 'inviter');
  const facts = { inviter: 'a', joiner: 'b', name: 'n', nonce: '00' };
  const proof = proofOf(key, 'joiner', facts);
  for (const [side, changed] of [
    ['inviter', facts],
    ['joiner', { ...facts, inviter: 'c' }],
    ['joiner', { ...facts, joiner: 'c' }],
    ['joiner', { ...facts, name: 'm' }],
    ['joiner', { ...facts, nonce: '01' }],
  ] as const) {
    assert.notEqual(proofOf(key, side, changed), proof);
  }
  assert.notEqual(proofOf(await pairingKey('a code', 'another'), 'joiner', facts), proof);
});

test('a full network takes no further machine', async () => {
  const { invitations, join, roster } = await start();
  for (let count = roster.machines().length; count < 64; count += 1) {
    await roster.add({ peer: `peer ${count}`, name: `m${count}`, role: 'use' });
  }
  const { code } = await invitations.open('use');
  await assert.rejects(join(code), { code: 'not-permitted' });
  assert.equal(roster.machines().length, 64);
});
