/**
 * Verifies: how often a certificate authority is asked, and what the owner reads when it gives no certificate.
 * Setup: an authority with the answers of each test, certificates that openssl makes, and the test's clock.
 *   test/contract/storefront-acme.test.ts (a lab) does the same with a real authority.
 * Fails if: attempts come sooner than the wait that grows with each failure or that the authority asks for, a start or a crash
 *   in an attempt lets the authority be asked again, an expired certificate isn't reported, one that can't be used is served,
 *   a change of domain or authority leaves the former certificate in use or loses it, or one that could not be stored is lost.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openCertificateFile } from '../../../main/agent/certificate-file.ts';
import { createCertificateKeeper } from '../../../main/core/certificates/index.ts';
import type { CertificateOrder, CertifiedKey, StoredCertificate } from '../../../main/ports/certificates.ts';
import { AppError } from '../../../shared/errors.ts';
import { type ManualClock, manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const LIFETIME_DAYS = 90;
const DOMAIN = 'ai.example.com';
const DIRECTORY = 'https://authority.example/directory';

const CERTIFICATE = makeCertificate();

/** Valid from now on. */
function makeCertificate(domain = DOMAIN, days = LIFETIME_DAYS): CertifiedKey {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-certificate-'));
  try {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const out = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
    const name = ['-subj', `/CN=${domain}`, '-days', String(days)];
    execFileSync('openssl', ['req', '-x509', ...key, ...name, ...out], { stdio: 'ignore' });
    const text = (file: string) => readFileSync(join(folder, file), 'utf8');
    return { chain: text('cert.pem'), key: text('key.pem') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Setup {
  readonly clock?: ManualClock;
  readonly stored?: StoredCertificate | null;
  readonly domain?: string;
  readonly directory?: string;
  readonly answer: (order: CertificateOrder) => Promise<CertifiedKey>;
}

function open({
  clock = manualClock(Date.now()),
  stored = null,
  domain = DOMAIN,
  directory = DIRECTORY,
  answer,
}: Setup) {
  const log = createRecordingLog();
  const used: CertifiedKey[] = [];
  const attempts: number[] = [];
  const store = {
    stored,
    isFull: false,
    read: () => store.stored,
    write(next: StoredCertificate) {
      if (store.isFull) throw new AppError('disk-full', 'The disk is full.');
      store.stored = next;
    },
  };
  const keeper = createCertificateKeeper({
    ...{ domain, directory, email: null, clock, log, store },
    authority: {
      newAccountKey: async () => 'account',
      order(order) {
        attempts.push(clock.now());
        return answer(order);
      },
    },
    showChallenge: () => () => undefined,
    use(certificate) {
      if (!certificate.chain.includes('BEGIN CERTIFICATE')) throw new Error('no certificate');
      used.push(certificate);
    },
    onChange: () => undefined,
  });
  /** Minute by minute, so that each attempt ends before the next check. */
  const pass = async (durationMs: number) => {
    for (let passedMs = 0; passedMs < durationMs; passedMs += MINUTE_MS) {
      await turn();
      clock.advance(MINUTE_MS);
    }
    await turn();
  };
  return { keeper, log, used, attempts, store, clock, pass };
}

const refuse = async (): Promise<never> => {
  throw new AppError('not-accepted', 'The certificate authority refused the order: no such name.');
};

test('waits twice as long after each refusal, and at most half a day', async () => {
  const { attempts, pass, keeper, clock } = open({ answer: refuse });
  await pass(3 * DAY_MS);
  const waits = attempts
    .slice(1)
    .map((atMs, index) => Math.round((atMs - (attempts[index] ?? 0)) / MINUTE_MS));
  assert.deepEqual(waits.slice(0, 9), [5, 10, 20, 40, 80, 160, 320, 640, 720]);
  assert.ok(waits.every((wait) => wait <= 720));
  const { problem, nextTryAtMs } = keeper.state();
  assert.equal(problem, 'The certificate authority refused the order: no such name.');
  assert.ok((nextTryAtMs ?? 0) > clock.now());
});

test('waits as long as the authority asks, but no longer than a week', async () => {
  for (const [askedS, waited] of [
    [2 * 3_600, 120],
    [365 * 86_400, 7 * 1_440],
    [1, 5],
  ] as const) {
    const busy = new AppError('busy', 'Later.', { details: { retryAfterS: askedS } });
    const { attempts, pass } = open({ answer: () => Promise.reject(busy) });
    await pass((waited - 1) * MINUTE_MS);
    assert.equal(attempts.length, 1, `${askedS} s: too early`);
    await pass(2 * MINUTE_MS);
    assert.equal(attempts.length, 2, `${askedS} s: never again`);
  }
});

test('an agent that ends in each attempt doesn’t ask more often', async () => {
  const clock = manualClock(Date.now());
  let stored: StoredCertificate | null = null;
  let attempts = 0;
  for (let minute = 0; minute < 60; minute++) {
    const run = open({ clock, stored, answer: () => new Promise(() => undefined) });
    await turn();
    attempts += run.attempts.length;
    stored = run.store.stored;
    run.keeper.close();
    clock.advance(MINUTE_MS);
  }
  assert.equal(attempts, 4);
});

test('names an attempt that was cut off, but not one in progress', async () => {
  const first = open({ answer: () => new Promise(() => undefined) });
  await turn();
  assert.equal(first.keeper.state().problem, null);
  first.keeper.close();
  const { stored } = first.store;
  const second = open({ clock: first.clock, stored, answer: refuse });
  assert.equal(second.keeper.state().problem, 'The last attempt was interrupted.');
  assert.ok((second.keeper.state().nextTryAtMs ?? 0) > first.clock.now());
});

test('a clock that was ahead delays no order for ever, and one that is ahead orders no certificate each minute', async () => {
  const now = Date.now();
  const ahead = open({ clock: manualClock(now + 3_650 * DAY_MS), answer: refuse });
  await turn();
  ahead.keeper.close();
  const right = open({ clock: manualClock(now), stored: ahead.store.stored, answer: refuse });
  await right.pass(MINUTE_MS);
  assert.equal(right.attempts.length, 1);
  const late = open({ clock: manualClock(now + 80 * DAY_MS), answer: async () => CERTIFICATE });
  await late.pass(50 * MINUTE_MS);
  assert.equal(late.attempts.length, 1);
});

test('renews when a third of the lifetime is left, and reports one that expired with the reason', async () => {
  let isRefusing = false;
  const { attempts, pass, keeper, log, used, store, clock } = open({
    answer: () => (isRefusing ? refuse() : Promise.resolve(CERTIFICATE)),
  });
  await pass(MINUTE_MS);
  isRefusing = true;
  assert.deepEqual([attempts.length, used.length, store.stored?.failures], [1, 1, 0]);
  await pass(60 * DAY_MS - 10 * MINUTE_MS);
  assert.equal(attempts.length, 1, 'too early');
  await pass(20 * MINUTE_MS);
  assert.ok(attempts.length >= 2, 'a third is left');
  assert.ok((keeper.state().expiresAtMs ?? 0) > clock.now(), 'the old one is still served');
  assert.match(keeper.state().problem ?? '', /no such name/);
  await pass(31 * DAY_MS);
  const expired = log.lines.filter(({ level }) => level === 'error');
  assert.equal(expired.length, 1, 'once');
  assert.match(`${expired[0]?.message} ${expired[0]?.error}`, /has expired.*no such name/);
  isRefusing = false;
  await pass(DAY_MS);
  assert.equal(keeper.state().problem, null);
});

test('a certificate that is no use is refused, and the former one stays', async () => {
  const other = makeCertificate('other.example.com');
  for (const [answered, reason] of [
    [other, /isn’t for this name/],
    [{ ...CERTIFICATE, key: other.key }, /isn’t for the key/],
    [makeCertificate(DOMAIN, 1), /has expired/],
    [{ ...CERTIFICATE, chain: 'damaged' }, /can’t be read/],
  ] as const) {
    const answers = [CERTIFICATE];
    const { used, keeper, pass, store } = open({ answer: async () => answers.shift() ?? answered });
    await pass(61 * DAY_MS);
    assert.deepEqual([used.length, store.stored?.certificate], [1, CERTIFICATE], String(reason));
    assert.match(keeper.state().problem ?? '', reason);
  }
});

test('an expired certificate is served where there is no other: this machine’s clock may be ahead', async () => {
  const late = manualClock(Date.now() + (LIFETIME_DAYS + 1) * DAY_MS);
  const { used, attempts, pass } = open({ clock: late, answer: async () => CERTIFICATE });
  await pass(50 * MINUTE_MS);
  assert.deepEqual([used.length, attempts.length], [1, 1]);
});

test('a certificate that could not be stored is served, and stored when it can be', async () => {
  const { attempts, pass, keeper, log, used, store } = open({
    async answer() {
      store.isFull = true;
      return CERTIFICATE;
    },
  });
  await pass(10 * MINUTE_MS);
  assert.deepEqual([attempts.length, used.length, store.stored?.certificate], [1, 1, null]);
  assert.equal(keeper.state().problem, null);
  assert.ok(log.lines.some(({ message }) => /could not be stored/.test(message)));
  store.isFull = false;
  await pass(2 * MINUTE_MS);
  assert.deepEqual(store.stored?.certificate, CERTIFICATE);
  assert.equal(attempts.length, 1);
});

test('logs why an order failed', async () => {
  const cause = new Error('read ECONNRESET');
  const { log, pass } = open({
    answer: () => Promise.reject(new AppError('peer-unreachable', 'Can’t be reached.', { cause })),
  });
  await pass(MINUTE_MS);
  assert.match(JSON.stringify(log.lines), /ECONNRESET/);
});

test('each domain and authority has a file of its own', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-certificate-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const record = (domain: string, directory: string): StoredCertificate => ({
    ...{ domain, directory, accountKey: 'account', certificate: CERTIFICATE },
    ...{ failures: 0, notBeforeMs: 0, problem: null },
  });
  const all = [
    record(DOMAIN, DIRECTORY),
    record('other.example.com', DIRECTORY),
    record(DOMAIN, 'https://another.example/'),
  ];
  for (const each of all) openCertificateFile(folder, each).write(each);
  for (const each of all) assert.deepEqual(openCertificateFile(folder, each).read(), each);
});

test('serves what is stored for its domain and authority, and nothing else', async () => {
  const first = open({ answer: async () => CERTIFICATE });
  await turn();
  first.keeper.close();
  const { stored } = first.store;
  assert.ok(stored);
  const cases: readonly (readonly [Partial<Setup>, number, string])[] = [
    [{}, 1, 'account'],
    [{ domain: 'other.example.com' }, 0, 'account'],
    [{ directory: 'https://another.example/' }, 0, 'account'],
    [{ stored: { ...stored, certificate: { chain: 'damaged', key: '' } } }, 0, 'account'],
    [{ stored: { ...stored, certificate: makeCertificate('other.example.com') } }, 0, 'account'],
  ];
  for (const [change, served, accountKey] of cases) {
    const { used, store, attempts } = open({ stored, answer: refuse, ...change });
    await turn();
    await turn();
    assert.equal(used.length, served, JSON.stringify(change));
    assert.equal(attempts.length, 1 - served);
    assert.equal(store.stored?.accountKey, accountKey);
  }
});
