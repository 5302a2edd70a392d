/**
 * Verifies: what a known peer holds against others counts by its own standing here and ages; what strangers say, however many,
 *   counts nothing; asking costs little; a peer's verdict on itself, forged, foreign or from the future isn't taken.
 * Setup: real keys and signatures, a network in memory, and a clock that the test moves.
 * Fails if: a ring of peers that praise each other gains a place, one that accuses others costs them one, members that serve
 *   well lift the others or can accuse without limit, anybody's text is
 *   taken as another one's verdict, strangers are asked, or a restart forgets.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import fc from 'fast-check';
import { createPeerKey, verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { createVerdicts } from '../../../main/core/answer-checks/index.ts';
import { ACCUSATIONS_FULL_MAX } from '../../../main/core/reputation/audit-reports.ts';
import { createAuditReports, createExperience } from '../../../main/core/reputation/index.ts';
import type { PeerKey } from '../../../main/ports/network.ts';
import type { AuditVerdict } from '../../../shared/audit-verdict.ts';
import { AUDITS_PATH } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 1_750_000_000_000;
const SHA256 = 'ab'.repeat(32);
const newKey = async () => createPeerKey(await generateKeyPair('Ed25519'));

/** `shown`: the response of each peer. */
function setUp(shown: Record<string, unknown>, records = createMemoryRecordStore()) {
  const clock = manualClock(NOW_MS);
  const asked: string[] = [];
  const log = createRecordingLog();
  let kept = 0;
  const stored = {
    ...records,
    set(...entry: Parameters<typeof records.set>) {
      records.set(...entry);
      kept += 1;
    },
  };
  const experience = createExperience({
    ...{ records: createMemoryRecordStore(), clock, audits: (peer) => reports.of(peer) },
  });
  const reports = createAuditReports({
    async fetch(peer, path) {
      assert.equal(path, AUDITS_PATH);
      asked.push(peer);
      return Response.json(shown[peer] ?? []);
    },
    ...{ verifySigned, records: stored, clock, log, isKnown: experience.isKnown },
    standingOf: experience.ownStanding,
  });
  const buy = (peer: string, times: number) => {
    for (let count = 0; count < times; count += 1) {
      experience.noteEnd(peer, SHA256, { kind: 'delivered', tokensPerSecond: 20 });
    }
  };
  const consider = async (...peers: string[]) => {
    for (const peer of peers) reports.consider(peer);
    // A peer's verdicts are stored once their signatures are verified.
    while (kept < asked.length) await new Promise(setImmediate);
  };
  const judged = (peer: string) => experience.of(peer, SHA256);
  return { clock, asked, experience, reports, records, buy, consider, judged };
}

const verdict = (auditor: string, provider: string, patch: Partial<AuditVerdict> = {}): AuditVerdict => ({
  ...{ auditor, provider, sha256: SHA256, answers: 3, tokens: 300, hasPassed: true, atMs: NOW_MS },
  ...patch,
});

test('a known auditor’s accusations lower strangers, by its standing, and age; its praise lifts none', async () => {
  const [auditor, good, bad] = [await newKey(), await newKey(), await newKey()];
  const shown = [
    await auditor.sign(verdict(auditor.peer, good.peer)),
    await auditor.sign(verdict(auditor.peer, bad.peer, { hasPassed: false })),
  ];
  const { clock, buy, consider, judged, records } = setUp({ [auditor.peer]: shown });
  buy(auditor.peer, 20);
  await consider(auditor.peer);
  assert.deepEqual(judged(good.peer), judged('stranger'));
  const accused = judged(bad.peer).failureRate;
  assert.ok(accused > 0.3, String(accused));
  clock.advance(60 * DAY_MS);
  buy(auditor.peer, 20);
  const later = judged(bad.peer).failureRate;
  assert.ok(later < accused / 2, `${later} after two months`);
  // Another start knows what was asked.
  const again = setUp({}, records);
  again.buy(auditor.peer, 20);
  assert.equal(again.judged(bad.peer).failureRate, accused);
});

test('a ring of strangers gains nothing and harms nobody by any verdicts', async () => {
  const ring = await Promise.all(Array.from({ length: 6 }, newKey));
  const honest = await newKey();
  const claims = fc.array(
    fc.record({ by: fc.nat({ max: 5 }), about: fc.nat({ max: 6 }), hasPassed: fc.boolean() }),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(claims, async (given) => {
      const shown: Record<string, string[]> = {};
      for (const { by, about, hasPassed } of given) {
        const auditor = ring[by] as PeerKey;
        const provider = (ring[about] ?? honest).peer;
        const jws = await auditor.sign(verdict(auditor.peer, provider, { hasPassed }));
        shown[auditor.peer] = [...(shown[auditor.peer] ?? []), jws];
      }
      const { asked, consider, judged } = setUp(shown);
      await consider(...ring.map(({ peer }) => peer));
      assert.deepEqual(asked, [], 'strangers aren’t asked');
      const { failureRate, standing } = judged('stranger');
      for (const { peer } of [...ring, honest]) {
        assert.deepEqual([judged(peer).failureRate, judged(peer).standing], [failureRate, standing]);
      }
    }),
    { numRuns: 20 },
  );
});

test('a ring with members that serve well lifts no other, and harms few by accusing many', async () => {
  const ring = await Promise.all(Array.from({ length: 5 }, newKey));
  const honest = await Promise.all(Array.from({ length: 12 }, newKey));
  const claims = fc.record({
    known: fc.integer({ min: 1, max: 3 }),
    served: fc.integer({ min: 5, max: 200 }),
    accused: fc.integer({ min: 1, max: honest.length }),
  });
  const most = async ({
    known,
    served,
    accused,
  }: Readonly<Record<'known' | 'served' | 'accused', number>>) => {
    const shown: Record<string, string[]> = {};
    for (const auditor of ring) {
      const praised = ring.filter((each) => each !== auditor).map(({ peer }) => verdict(auditor.peer, peer));
      const failed = honest
        .slice(0, accused)
        .map(({ peer }) => verdict(auditor.peer, peer, { hasPassed: false, tokens: 1_000_000 }));
      shown[auditor.peer] = await Promise.all([...praised, ...failed].map(auditor.sign));
    }
    const { asked, buy, consider, judged, experience, reports } = setUp(shown);
    const auditors = ring.slice(0, known);
    for (const { peer } of auditors) buy(peer, served);
    await consider(...ring.map(({ peer }) => peer));
    assert.equal(asked.length, known, 'the members that served');
    const standings = auditors.reduce((sum, { peer }) => sum + experience.ownStanding(peer), 0);
    for (const { peer } of ring.slice(known)) {
      assert.deepEqual(judged(peer), judged('stranger'), 'praise makes nobody known');
    }
    const weight = honest
      .flatMap(({ peer }) => reports.of(peer))
      .reduce((sum, each) => sum + each.auditorStanding, 0);
    assert.ok(weight <= ACCUSATIONS_FULL_MAX * standings * (1 + 1e-9), `${weight} of ${standings}`);
  };
  await fc.assert(fc.asyncProperty(claims, most), {
    numRuns: 15,
    examples: [[{ known: 3, served: 200, accused: honest.length }]],
  });
});

test('a peer that was known and cheats accuses nobody any more', async () => {
  const [auditor, honest] = [await newKey(), await newKey()];
  const { buy, consider, judged, experience } = setUp({
    [auditor.peer]: [await auditor.sign(verdict(auditor.peer, honest.peer, { hasPassed: false }))],
  });
  buy(auditor.peer, 20);
  const before = judged(honest.peer).failureRate;
  await consider(auditor.peer);
  assert.ok(judged(honest.peer).failureRate > before);
  experience.noteEnd(auditor.peer, SHA256, { kind: 'cheated' });
  assert.deepEqual(judged(honest.peer), judged('stranger'));
});

test('only an auditor’s own verdicts on others are taken, and malformed responses are none', async () => {
  const [auditor, other, provider] = [await newKey(), await newKey(), await newKey()];
  const signed = (patch: Partial<AuditVerdict>) =>
    auditor.sign(verdict(auditor.peer, provider.peer, { hasPassed: false, ...patch }));
  const good = await signed({});
  const responses: unknown[] = [
    [await signed({ provider: auditor.peer })],
    [await signed({ auditor: other.peer })],
    [await other.sign(verdict(other.peer, provider.peer, { hasPassed: false }))],
    [await signed({ atMs: NOW_MS + DAY_MS })],
    [await signed({ tokens: 0 })],
    [good.slice(0, -2)],
    [good, 7],
    Array.from({ length: 51 }, () => good),
    ['x'.repeat(2_000)],
    { 0: good },
    null,
  ];
  for (const [index, response] of responses.entries()) {
    const { buy, consider, reports } = setUp({ [auditor.peer]: response });
    buy(auditor.peer, 20);
    await consider(auditor.peer);
    for (const { peer } of [provider, auditor]) assert.deepEqual(reports.of(peer), [], `response ${index}`);
  }
});

test('a peer is asked once a day, and twenty within an hour', async () => {
  const { asked, buy, consider, clock } = setUp({});
  const peers = Array.from({ length: 30 }, (_, index) => `peer ${index}`);
  for (const peer of peers) buy(peer, 20);
  await consider(...peers, ...peers);
  assert.equal(asked.length, 20);
  clock.advance(3_600_000);
  await consider(...peers);
  assert.equal(asked.length, 30);
  await consider(...peers);
  assert.equal(asked.length, 30);
});

test('a buyer signs one verdict for each provider, and a failure isn’t cleared by the next answers', async () => {
  const key = await newKey();
  const [first, second] = [(await newKey()).peer, (await newKey()).peer];
  const records = createMemoryRecordStore();
  const verdicts = createVerdicts({ records, key, log: createRecordingLog() });
  const note = (provider: string, patch: Partial<AuditVerdict>) => {
    const { auditor: _, ...found } = verdict(key.peer, provider, patch);
    return verdicts.note(found);
  };
  await note(first, { tokens: 40 });
  assert.deepEqual(verdicts.list(), [], 'too few tokens to say anything');
  await note(first, {});
  await note(first, { tokens: 20, hasPassed: false, atMs: NOW_MS + 1 });
  await note(first, { atMs: NOW_MS + DAY_MS });
  await note(second, { atMs: NOW_MS + 2 * DAY_MS });
  const read = async () =>
    Promise.all(verdicts.list().map(async (jws) => (await verifySigned(jws, key.peer)) as AuditVerdict)).then(
      (all) => all.map(({ provider, hasPassed }) => [provider, hasPassed]),
    );
  assert.deepEqual(await read(), [
    [second, true],
    [first, false],
  ]);
  await note(first, { atMs: NOW_MS + 31 * DAY_MS });
  assert.deepEqual((await read())[0], [first, true]);
  for (let count = 0; count < 55; count += 1) await note((await newKey()).peer, {});
  assert.equal(verdicts.list().length, 50);
});
