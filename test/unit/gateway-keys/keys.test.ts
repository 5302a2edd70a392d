/**
 * Verifies: a key of the gateway works until it is revoked or expires, within its rate limits, which can be changed; of its
 * secret only a hash is stored; the key of earlier versions still works.
 * Setup: the real keys on records in memory, a clock that the test moves.
 * Fails if: an empty or cut-off key file lets requests in without a key, a secret can be read from the records, or a
 * revoked key works again after a restart.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gatewayKeyFile } from '../../../main/agent/gateway-key-file.ts';
import { isAppError } from '../../../shared/errors.ts';
import { GATEWAY_KEYS_MAX, NO_KEY_LIMITS, newKeySchema } from '../../../shared/gateway-keys.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createTestKeys, TEST_KEY } from '../../fakes/gateway-keys.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const START_MS = Date.UTC(2026, 10, 29, 12);
const MINUTE_MS = 60_000;
const refused = (error: unknown) => isAppError(error, 'not-permitted');
const busyFor = (seconds: number) => (error: unknown) =>
  isAppError(error, 'busy') && error.details.retryAfterS === seconds;

function setUp() {
  const clock = manualClock(START_MS);
  const records = createMemoryRecordStore();
  const log = createRecordingLog();
  return { clock, records, log, keys: createTestKeys({ clock, records, log }) };
}

test('a key of an earlier version is the first key, without limits, and no other text is a key', () => {
  const { keys } = setUp();
  assert.equal(keys.ownSecret(), TEST_KEY);
  const [own] = keys.list();
  assert.deepEqual(
    { name: own?.name, isOwn: own?.isOwn, spentTotal: own?.spentTotal, dayMax: own?.dayMax },
    { name: 'default', isOwn: true, spentTotal: '0', dayMax: null },
  );
  keys.use(TEST_KEY).enter()();
  for (const other of ['', ' ', TEST_KEY.slice(0, -1), `${TEST_KEY}0`, TEST_KEY.toUpperCase()]) {
    assert.throws(() => keys.use(other), refused, JSON.stringify(other));
  }
});

test('an added key works, and its secret is in no record, list or log line', () => {
  const { keys, records, log } = setUp();
  const { key, secret } = keys.add({ ...NO_KEY_LIMITS, name: 'Night agent' });
  keys.use(secret).enter()();
  assert.deepEqual(
    keys.list().map(({ name }) => name),
    ['default', 'Night agent'],
  );
  const stored = JSON.stringify([...records.snapshot()].map(([name, rows]) => [name, [...rows]]));
  assert.ok(stored.includes(key.id));
  for (const place of [stored, JSON.stringify(keys.list()), JSON.stringify(log.lines)]) {
    assert.ok(!place.includes(secret.slice(3)));
    assert.ok(!place.includes(TEST_KEY.slice(3)));
  }
});

test('keys, their limits and their last use survive a restart; a revoked one stays revoked', () => {
  const { clock, records, keys } = setUp();
  const limits = { ...NO_KEY_LIMITS, dayMax: '500', expiresAtMs: START_MS + 5 * MINUTE_MS, concurrentMax: 2 };
  const kept = keys.add({ ...limits, name: 'kept' });
  const revoked = keys.add({ ...NO_KEY_LIMITS, name: 'revoked' });
  clock.advance(90_000);
  keys.use(kept.secret);
  clock.advance(10_000);
  keys.use(kept.secret);
  keys.revoke(revoked.key.id);
  assert.throws(() => keys.use(revoked.secret), refused);
  assert.throws(
    () => keys.revoke(revoked.key.id),
    (error) => isAppError(error, 'not-found'),
  );
  const again = createTestKeys({ clock, records: createMemoryRecordStore(records.snapshot()) });
  again.use(kept.secret);
  assert.throws(() => again.use(revoked.secret), refused);
  assert.deepEqual(again.list().slice(1), [{ ...kept.key, lastUsedAtMs: START_MS + 90_000 }]);
});

test('a key works until the moment it expires', () => {
  const { clock, keys } = setUp();
  const { secret } = keys.add({ ...NO_KEY_LIMITS, name: 'a', expiresAtMs: START_MS + MINUTE_MS });
  clock.advance(MINUTE_MS - 1);
  keys.use(secret);
  clock.advance(1);
  assert.throws(
    () => keys.use(secret),
    (error) => isAppError(error, 'not-permitted') && error.message === 'The API key expired on 2026-11-29.',
  );
});

test('requests per minute and concurrent ones are limited per key, and free again after their time', () => {
  const { clock, keys } = setUp();
  const { secret } = keys.add({
    ...NO_KEY_LIMITS,
    name: 'a',
    requestsPerMinuteMax: 3,
    concurrentMax: 2,
  });
  const other = keys.add({ ...NO_KEY_LIMITS, name: 'b' }).secret;
  const enter = (with_ = secret) => keys.use(with_).enter();
  const leave = enter();
  clock.advance(10_000);
  enter();
  assert.throws(() => enter(), busyFor(2));
  enter(other);
  leave();
  leave();
  const third = enter();
  assert.throws(() => enter(), busyFor(50), 'three within a minute; a refused one doesn’t count');
  third();
  assert.throws(() => enter(), busyFor(50));
  clock.advance(50_000);
  enter();
});

test('changed limits count from the next request, and survive a restart; name, secret and spending stay', () => {
  const { clock, records, keys } = setUp();
  const { key, secret } = keys.add({ ...NO_KEY_LIMITS, name: 'a', requestsPerMinuteMax: 1, totalMax: '5' });
  keys.use(secret).enter()();
  assert.throws(() => keys.use(secret).enter(), busyFor(60));
  const limits = { ...NO_KEY_LIMITS, requestsPerMinuteMax: 2, expiresAtMs: clock.now() + MINUTE_MS };
  const changed = keys.change(key.id, limits);
  assert.deepEqual(changed, { ...key, ...limits, lastUsedAtMs: START_MS });
  keys.use(secret).enter()();
  keys.use(secret).enter()();
  assert.throws(() => keys.use(secret).enter(), busyFor(60));
  const again = createTestKeys({ clock, records: createMemoryRecordStore(records.snapshot()) });
  assert.deepEqual(again.list()[1], changed);
  clock.advance(MINUTE_MS);
  assert.throws(() => keys.use(secret), refused, 'it expires at the changed time');
  keys.change(key.id, NO_KEY_LIMITS);
  keys.use(secret).enter()();
});

test('this machine’s own key and an unknown one can’t be changed', () => {
  const { keys } = setUp();
  const own = keys.list()[0]?.id ?? '';
  assert.throws(
    () => keys.change(own, NO_KEY_LIMITS),
    (error) => isAppError(error, 'bad-request'),
  );
  assert.throws(
    () => keys.change('0'.repeat(16), NO_KEY_LIMITS),
    (error) => isAppError(error, 'not-found'),
  );
});

test('there are at most so many keys', () => {
  const { keys } = setUp();
  for (let count = 1; count < GATEWAY_KEYS_MAX; count += 1) keys.add({ ...NO_KEY_LIMITS, name: `${count}` });
  assert.throws(
    () => keys.add({ ...NO_KEY_LIMITS, name: 'one more' }),
    (error) => isAppError(error, 'bad-request'),
  );
});

test('a name can’t change how a terminal or a list shows it', () => {
  for (const name of ['', '  ', 'a\u001b[31m', 'a\nb', 'a\u202eb', 'x'.repeat(61)]) {
    assert.equal(newKeySchema.safeParse({ ...NO_KEY_LIMITS, name }).success, false, JSON.stringify(name));
  }
  assert.equal(newKeySchema.parse({ ...NO_KEY_LIMITS, name: ' Büro 🗝 ' }).name, 'Büro 🗝');
});

test('revoking this machine’s own key replaces it, in the file too, also if the process ends in between', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-keys-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'gateway-key');
  const records = createMemoryRecordStore();
  const ownKey = gatewayKeyFile(path);
  const keys = createTestKeys({ records, ownKey });
  const first = keys.ownSecret();
  assert.equal(readFileSync(path, 'utf8'), `${first}\n`);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const before = records.snapshot();
  keys.revoke(keys.list()[0]?.id ?? '');
  const second = keys.ownSecret();
  assert.notEqual(second, first);
  assert.equal(readFileSync(path, 'utf8'), `${second}\n`);
  keys.use(second);
  assert.throws(() => keys.use(first), refused);
  assert.equal(keys.list().length, 1);
  // The file was replaced, the record wasn't.
  const again = createTestKeys({ records: createMemoryRecordStore(before), ownKey });
  again.use(second);
  assert.throws(() => again.use(first), refused);
});

test('an empty or cut-off file of the own key is replaced and lets nobody in', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-keys-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'gateway-key');
  for (const content of ['', '\n', TEST_KEY.slice(0, 20)]) {
    writeFileSync(path, content);
    const keys = createTestKeys({ ownKey: gatewayKeyFile(path) });
    assert.throws(() => keys.use(content.trim()), refused, JSON.stringify(content));
    assert.match(keys.ownSecret(), /^iw-[0-9a-f]{48}$/);
    assert.equal(readFileSync(path, 'utf8').trim(), keys.ownSecret());
  }
});
