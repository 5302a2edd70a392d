/**
 * Verifies: only a feed that one of our keys signed counts, none that is older than one seen here or expired, and only a
 * newer version is offered, to the share of the installations that its feed names.
 * Setup: feeds signed here; versions, times, shares and changes to the text are random.
 * Fails if: a changed or foreign feed is read, time or version run backwards, a larger share leaves somebody out, or a
 * withdrawn version is offered.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CompactSign, importJWK } from 'jose';
import { drawOf, judge, readFeed, refusalOf } from '../../../main/core/updates/feed.ts';
import { makeUpdateKey, publicPart, signFeed } from '../../../scripts/lib/update-feed.ts';
import { compareVersions, UPDATE_JWS_TYPE } from '../../../shared/updates.ts';
import { DAY_MS, feedWith, KEY } from './feed-server.ts';

const KEYS = [publicPart(makeUpdateKey('other')), publicPart(KEY)];
const version = fc.tuple(fc.nat(12), fc.nat(12), fc.nat(12)).map((numbers) => numbers.join('.'));

test('reads what any of the keys signed, and no text that was changed', async () => {
  const jws = await signFeed(feedWith(), KEY);
  assert.deepEqual(await readFeed(`${jws}\n`, KEYS), feedWith());
  await fc.assert(
    fc.asyncProperty(
      fc.nat(jws.length - 1),
      fc.constantFrom(...'ABCDEFxyz059-_.'),
      fc.constantFrom('replace', 'insert', 'cut'),
      async (at, character, how) => {
        const rest = jws.slice(how === 'insert' ? at : at + 1);
        const changed = how === 'cut' ? jws.slice(0, at) : jws.slice(0, at) + character + rest;
        // The last character of a base64url text has bits without meaning.
        const read = await readFeed(changed, KEYS);
        if (read !== null) assert.deepEqual(read, feedWith());
        if (at < jws.length - 1 && changed !== jws) assert.equal(read, null);
      },
    ),
    { numRuns: 400 },
  );
  assert.equal(await readFeed('', KEYS), null);
});

test('refuses another key, another type of signature, and a feed that is valid for too long', async () => {
  assert.equal(
    await readFeed(await signFeed(feedWith(), makeUpdateKey('test')), KEYS),
    null,
    'another key of that name',
  );
  assert.equal(await readFeed(await signFeed(feedWith(), makeUpdateKey('x')), KEYS), null, 'an unknown name');
  const key = await importJWK({ ...KEY, kid: undefined } as never, 'EdDSA');
  const payload = new TextEncoder().encode(JSON.stringify(feedWith()));
  const signAs = (typ: string) =>
    new CompactSign(payload).setProtectedHeader({ alg: 'EdDSA', typ, kid: KEY.kid }).sign(key);
  assert.equal(await readFeed(await signAs('receipt+jws'), KEYS), null);
  assert.deepEqual(await readFeed(await signAs(UPDATE_JWS_TYPE), KEYS), feedWith());
  const { issuedAtMs } = feedWith();
  for (const expiresAtMs of [issuedAtMs, issuedAtMs + 101 * DAY_MS]) {
    assert.equal(await readFeed(await signFeed(feedWith({ expiresAtMs }), KEY), KEYS), null);
  }
});

test('accepts feeds only in the order of their signatures, and only until they expire', () => {
  const time = fc.integer({ min: 1, max: 400 });
  fc.assert(
    fc.property(fc.array(fc.record({ issued: time, days: time, now: time }), { maxLength: 30 }), (feeds) => {
      let newestSeenMs = 0;
      for (const { issued, days, now } of feeds) {
        const feed = { issuedAtMs: issued * DAY_MS, expiresAtMs: (issued + days) * DAY_MS };
        const nowMs = Math.max(now * DAY_MS, newestSeenMs);
        if (refusalOf(feed, { nowMs, newestSeenMs }) !== null) continue;
        assert.ok(feed.issuedAtMs >= newestSeenMs, 'a replay');
        assert.ok(feed.expiresAtMs > now * DAY_MS, 'expired');
        assert.ok(
          feed.issuedAtMs <= nowMs + DAY_MS,
          'from the future, which would lock out what comes in between',
        );
        newestSeenMs = feed.issuedAtMs;
      }
    }),
  );
});

test('offers a version only if it is newer, this one is new enough, and the share is reached', () => {
  fc.assert(
    fc.property(
      version,
      version,
      version,
      fc.nat(100),
      fc.record({ id: fc.uuid(), isAsked: fc.boolean() }),
      (offered, here, from, share, { id, isAsked }) => {
        const feed = feedWith({ version: offered, fromVersion: from, stagedPercent: share });
        const place = { version: here, kind: 'appimage' as const, arch: 'x64', id };
        const { finding, file } = judge(feed, place, isAsked);
        assert.equal(file !== null, finding === 'available');
        if (finding !== 'available') return;
        assert.ok((compareVersions(offered, here) ?? 0) > 0);
        assert.ok((compareVersions(here, from) ?? -1) >= 0);
        assert.ok(isAsked ? share > 0 : drawOf(id, offered) < share);
        assert.equal(
          judge({ ...feed, stagedPercent: 100 }, place, false).finding,
          'available',
          'a larger share',
        );
        assert.equal(judge({ ...feed, stagedPercent: 0 }, place, true).finding, 'staged', 'withdrawn');
        assert.equal(judge(feed, { ...place, kind: 'deb' }, true).finding, 'no-package');
        assert.equal(judge(feed, { ...place, arch: 'arm64' }, true).finding, 'no-package');
      },
    ),
  );
  const numbers = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99));
  fc.assert(
    fc.property(numbers, numbers, (left, right) => {
      const [a, b] = [left, right].map(([x, y, z]) => x * 10_000 + y * 100 + z) as [number, number];
      assert.equal(
        Math.sign(compareVersions(left.join('.'), right.join('.')) ?? Number.NaN),
        Math.sign(a - b),
      );
    }),
  );
  assert.equal(compareVersions('1.0.0-beta', '1.0.0'), null);
});

test('the draw of an installation is even, and another one for each version', () => {
  const draws = Array.from({ length: 2_000 }, (_, index) => drawOf(String(index), '1.0.0'));
  const below = draws.filter((draw) => draw < 10).length;
  assert.ok(below > 140 && below < 260, `${below} of 2000 in the first 10%`);
  const both = draws.filter((draw, index) => draw < 10 && drawOf(String(index), '2.0.0') < 10).length;
  assert.ok(both < 50, 'the same machines aren’t always the first');
});
