/**
 * Verifies: work has a price and a limit for strangers. Requests that are left early are charged and limited per payer;
 * deposits and refunds, which cost this provider network fees, are limited and need a provider that takes jobs.
 * Setup: the real service with a scripted engine, a fake payment gate and a clock that the test moves.
 * Fails if: a requester gets work for nothing without limit, a stranger can spend this provider's coin, a limit never ends,
 * a limit holds up a requester that pays, or a pause keeps a requester from its refund.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createLimitLog, type ProviderLimits } from '../../../main/core/provider/index.ts';
import { createRateLimit } from '../../../main/core/rate-limit/index.ts';
import { CHANNEL_PATH, type ChainWork, PAYMENT_HEADER } from '../../../main/ports/payments.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { charge } from '../../../shared/price.ts';
import { MODELS_PATH } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { encode } from '../../fakes/payment-gate.ts';
import { ask, OFFERED, refused, setUp, turn } from './provider-setup.ts';

type Opened = Awaited<ReturnType<typeof setUp>>;

/** Leaves one request after the engine has read its prompt, or before it has. */
async function leaveEarly({ post, engine, jobs }: Opened, payer: string, hasRead = true): Promise<void> {
  const leaving = new AbortController();
  const before = jobs.all().length;
  const headers = { [PAYMENT_HEADER]: encode({ channelId: `of-${payer}`, payer, most: '1000000' }) };
  const answer = post(ask({ stream: true }), { signal: leaving.signal, headers });
  const run = await engine.next();
  if (hasRead) run.start(100);
  leaving.abort();
  await answer;
  while (jobs.all()[before]?.state !== 'aborted') await turn();
  await turn();
}

function requestChannel(
  { service }: Opened,
  chainWork: ChainWork | null,
  peer = 'stranger',
  subnet: string | null = null,
) {
  const voucher = { channelId: 'c', payer: 'p', most: '0', ...(chainWork && { chainWork }) };
  return service.app.request(CHANNEL_PATH, {
    method: 'POST',
    headers: {
      'x-peer-id': peer,
      [PAYMENT_HEADER]: encode(voucher),
      ...(subnet !== null && { 'x-peer-subnet': subnet }),
    },
  });
}

/** The gate refuses every payment as soon as `checked` allows it; counts the checks. */
function refuseAll({ gate }: Opened, checked: Promise<void> = Promise.resolve()) {
  const seen = { checks: 0 };
  gate.admit = async () => {
    seen.checks += 1;
    await checked;
    return { kind: 'answered', status: 402, headers: {}, body: '{}', reason: 'payment-refused' };
  };
  return seen;
}

const DEPOSIT: ChainWork = { kind: 'deposit', isPaidFor: false };
const limitedTo = (limits: Partial<ProviderLimits>) => setUp({ limits });

describe('provider: requests that are left early', () => {
  it('charges the prompt if the requester left after it was read and before the first token', async () => {
    const opened = await setUp();
    await leaveEarly(opened, 'payer');
    assert.deepEqual(opened.gate.settles, [charge(OFFERED.price, { input: 100, output: 0 })]);
    assert.equal(opened.charged[0]?.receipt.outputTokens, 0);
    opened.assertIdle();
  });

  it('charges only the part of the prompt that was read', async () => {
    const opened = await setUp();
    const leaving = new AbortController();
    const answer = opened.post(ask({ stream: true }), { signal: leaving.signal });
    const run = await opened.engine.next();
    run.start(100);
    run.readOnAbort(40);
    leaving.abort();
    await answer;
    assert.deepEqual(opened.gate.settles, [charge(OFFERED.price, { input: 40, output: 0 })]);
    assert.equal(opened.charged[0]?.receipt.inputTokens, 40);
    opened.assertIdle();
  });

  it('charges nothing if the engine had not begun', async () => {
    const opened = await setUp();
    await leaveEarly(opened, 'payer', false);
    assert.deepEqual([opened.gate.settles, opened.gate.cancels], [[], 1]);
    opened.assertIdle();
  });

  it('takes no more requests of a payer that left too many, until the window has passed', async () => {
    const opened = await limitedTo({ abandonedPerPayerMax: 2, abandonWindowMs: 60_000 });
    const { post, engine, clock } = opened;
    const from = (payer: string) =>
      post(ask(), {
        headers: { [PAYMENT_HEADER]: encode({ channelId: `of-${payer}`, payer, most: '1000000' }) },
      });
    await leaveEarly(opened, 'quitter');
    clock.advance(10_000);
    await leaveEarly(opened, 'quitter', false);
    const limited = await from('quitter');
    assert.equal(limited.headers.get('retry-after'), '50');
    await refused(limited, 429, { code: 'rate_limit_exceeded' });
    opened.assertIdle();
    for (const payer of ['other', 'quitter']) {
      if (payer === 'quitter') clock.advance(50_000);
      const answer = from(payer);
      const run = await engine.next();
      run.start(1);
      run.text('x', 1);
      run.end('stop');
      assert.equal((await answer).status, 200, payer);
    }
    opened.assertIdle();
  });

  it('counts prompts that the engine rejects after it has read them', async () => {
    const { post, engine, assertIdle } = await limitedTo({ abandonedPerPayerMax: 1 });
    const answer = post(ask());
    (await engine.next()).fail('context-exceeded');
    await refused(await answer, 400, {});
    await refused(await post(ask()), 429, { code: 'rate_limit_exceeded' });
    assertIdle();
  });
});

describe('provider: transactions for strangers', () => {
  it('limits deposits and refunds per peer and hour, whatever their path', async () => {
    const opened = await limitedTo({ chainWorkPerPeerMax: 2 });
    assert.equal((await requestChannel(opened, DEPOSIT)).status, 200);
    assert.equal((await requestChannel(opened, { kind: 'refund', isPaidFor: false })).status, 200);
    const limited = await requestChannel(opened, DEPOSIT);
    assert.equal(limited.headers.get('retry-after'), '3600');
    await refused(limited, 429, { code: 'rate_limit_exceeded' });
    const headers = {
      'x-peer-id': 'stranger',
      [PAYMENT_HEADER]: encode({ channelId: 'c', payer: 'p', most: '1000000', chainWork: DEPOSIT }),
    };
    await refused(await opened.post(ask(), { headers }), 429, { code: 'rate_limit_exceeded' });
    assert.equal((await requestChannel(opened, null)).status, 200, 'a plain voucher needs no transaction');
    assert.equal((await requestChannel(opened, { ...DEPOSIT, isPaidFor: true })).status, 200);
    assert.equal((await requestChannel(opened, DEPOSIT, 'other')).status, 200);
    opened.clock.advance(3_600_000);
    assert.equal((await requestChannel(opened, DEPOSIT)).status, 200);
    opened.assertIdle();
  });

  it('limits the transactions for all peers together, and counts only those that were sent', async () => {
    const opened = await limitedTo({ chainWorkMax: 2 });
    const admit = opened.gate.admit;
    opened.gate.admit = async () => ({
      ...{ kind: 'answered', status: 402, headers: {}, body: '{}', reason: 'deposit-refused' },
    });
    for (const peer of ['a', 'b', 'c'])
      assert.equal((await requestChannel(opened, DEPOSIT, peer)).status, 402);
    opened.gate.admit = admit;
    for (const peer of ['d', 'e']) assert.equal((await requestChannel(opened, DEPOSIT, peer)).status, 200);
    await refused(await requestChannel(opened, DEPOSIT, 'f'), 429, { code: 'rate_limit_exceeded' });
  });
});

describe('provider: payments without money', () => {
  it('limits those that it asks the chain about, per peer and for all', async () => {
    const opened = await limitedTo({ unfundedPerPeerMax: 2, unfundedMax: 3 });
    const check: ChainWork = { kind: 'check', isPaidFor: false };
    const { admit } = opened.gate;
    let asked = 0;
    opened.gate.admit = async () => {
      asked += 1;
      return { kind: 'answered', status: 402, headers: {}, body: '{}', reason: 'deposit-too-small' };
    };
    const statuses = [];
    for (const peer of ['a', 'a', 'a', 'b', 'b', 'c']) {
      statuses.push((await requestChannel(opened, check, peer)).status);
    }
    assert.deepEqual([statuses, asked], [[402, 402, 429, 402, 429, 429], 3]);
    assert.equal(
      (await requestChannel(opened, DEPOSIT, 'd')).status,
      429,
      'a deposit has to be checked, too',
    );
    opened.gate.admit = admit;
    assert.equal((await requestChannel(opened, null, 'paying')).status, 200);
    opened.clock.advance(60_000);
    for (let deposit = 0; deposit < 5; deposit += 1) {
      assert.equal((await requestChannel(opened, DEPOSIT, 'funded')).status, 200, 'money isn’t limited here');
    }
  });
});

describe('provider: payments without money that arrive together', () => {
  const check: ChainWork = { kind: 'check', isPaidFor: false };

  it('checks no more of one peer than one after the other', async () => {
    const opened = await limitedTo({ unfundedPerPeerMax: 2 });
    const { admit } = opened.gate;
    const checked = Promise.withResolvers<void>();
    const seen = refuseAll(opened, checked.promise);
    const asking = Array.from({ length: 5 }, () => requestChannel(opened, check));
    await turn();
    assert.equal(seen.checks, 2);
    checked.resolve();
    assert.deepEqual(await statusesOf(asking), [402, 402, 429, 429, 429]);
    opened.gate.admit = admit;
    const paying = Array.from({ length: 2 }, () => requestChannel(opened, check, 'paying'));
    assert.deepEqual(await statusesOf(paying), [200, 200]);
    assert.equal((await requestChannel(opened, check, 'paying')).status, 200, 'money doesn’t count');
  });

  it('checks few of one subnet, and those of another one', async () => {
    const opened = await limitedTo({ unfundedPerPeerMax: 2, unfundedPerSubnetMax: 3, unfundedMax: 5 });
    const seen = refuseAll(opened);
    const from = (peer: string, subnet: string) => requestChannel(opened, check, peer, subnet);
    const near = ['a', 'a', 'b', 'b', 'c', 'd', 'e'].map((peer) => from(peer, '10.0.0'));
    assert.deepEqual(await statusesOf(near), [402, 402, 402, 429, 429, 429, 429]);
    assert.equal((await from('f', '10.0.1')).status, 402);
    assert.equal((await from('g', '10.0.2')).status, 402);
    assert.equal((await from('h', '10.0.3')).status, 429, 'of all');
    assert.equal(seen.checks, 5);
  });

  it('counts no refusal before which the chain wasn’t asked', async () => {
    const opened = await limitedTo({ unfundedPerPeerMax: 1 });
    opened.gate.admit = async () => ({
      ...{ kind: 'answered', status: 402, headers: {}, body: '{}', reason: 'not-on-credit' },
    });
    for (let time = 0; time < 3; time += 1) assert.equal((await requestChannel(opened, check)).status, 402);
    let checks = 0;
    opened.gate.admit = async () => {
      checks += 1;
      throw new AppError('busy', 'Later.');
    };
    for (let time = 0; time < 3; time += 1) assert.equal((await requestChannel(opened, check)).status, 429);
    assert.equal(checks, 3);
  });
});

const statusesOf = async (asking: readonly (Response | Promise<Response>)[]) =>
  (await Promise.all(asking)).map(({ status }) => status);

describe('provider: requests for channels', () => {
  it('takes deposits only while it takes jobs, and refunds and questions always', async () => {
    const opened = await setUp({
      presence: () => ({ decision: 'pause', reason: 'owner-active', sinceMs: 0, untilMs: null }),
    });
    await refused(await requestChannel(opened, DEPOSIT), 503, { code: 'paused_owner_active' });
    assert.equal((await requestChannel(opened, { kind: 'refund', isPaidFor: false })).status, 200);
    assert.equal((await requestChannel(opened, null)).status, 200);
  });

  it('bounds the requests for channels that are in progress', async () => {
    const opened = await limitedTo({ channelRequestsMax: 2, channelRequestsPerPeerMax: 1 });
    const { promise: later, resolve } = Promise.withResolvers<void>();
    const admit = opened.gate.admit;
    opened.gate.admit = async (request) => {
      await later;
      return admit(request);
    };
    const first = requestChannel(opened, DEPOSIT, 'a');
    await refused(await requestChannel(opened, null, 'a'), 429, { code: 'rate_limit_exceeded' });
    const second = requestChannel(opened, DEPOSIT, 'b');
    await refused(await requestChannel(opened, null, 'c'), 429, { code: 'rate_limit_exceeded' });
    resolve();
    assert.deepEqual([(await first).status, (await second).status], [200, 200]);
    assert.equal((await requestChannel(opened, null, 'c')).status, 200);
  });
});

describe('provider: the log of limits', () => {
  it('has one line per peer and limit, and few in total', async () => {
    const clock = manualClock(0);
    const log = createRecordingLog();
    const opened = await setUp({
      clock,
      limits: { freePerPeerMax: 1 },
      onLimited: createLimitLog(log, clock),
    });
    for (let peer = 0; peer < 30; peer += 1) {
      for (let count = 0; count < 3; count += 1) await requestChannel(opened, null, `peer-${peer}`);
    }
    assert.equal(log.lines.length, 20);
    assert.deepEqual(log.lines[0]?.fields, {
      peer: 'peer-0',
      limit: 'This peer sends too many requests without paying. See Retry-After.',
    });
    clock.advance(600_000);
    for (let count = 0; count < 2; count += 1) await requestChannel(opened, null, 'peer-0');
    assert.equal(log.lines.at(-1)?.fields.othersNotLogged, 10);
  });
});

it('peers of one subnet share a limit of unpaid requests', async () => {
  const { service } = await setUp({ limits: { freePerSubnetMax: 2 } });
  const statusFor = async (peer: string, subnet: string) => {
    const headers = { 'x-peer-id': peer, 'x-peer-subnet': subnet };
    return (await service.app.request(MODELS_PATH, { headers })).status;
  };
  assert.equal(await statusFor('peer-1', '10.0.0'), 200);
  assert.equal(await statusFor('peer-2', '10.0.0'), 200);
  assert.equal(await statusFor('peer-3', '10.0.0'), 429);
  assert.equal(await statusFor('peer-3', '10.0.1'), 200);
});

it('a rate limit admits at most its maximum in every window, and everything that stays below it (property)', () => {
  const step = fc.record({ afterMs: fc.nat(400), key: fc.constantFrom('a', 'b') });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), (eventsMax, steps) => {
      const clock = manualClock(0);
      const limit = createRateLimit({ clock, eventsMax, windowMs: 1_000, message: 'Too many.' });
      const admitted: { key: string; atMs: number }[] = [];
      for (const { afterMs, key } of steps) {
        clock.advance(afterMs);
        const within = admitted.filter(
          (event) => event.key === key && event.atMs > clock.monotonic() - 1_000,
        );
        try {
          limit.check(key);
          limit.note(key);
          admitted.push({ key, atMs: clock.monotonic() });
          assert.ok(within.length < eventsMax);
        } catch (error) {
          assert.ok(isAppError(error, 'busy'), String(error));
          assert.equal(within.length, eventsMax);
        }
      }
    }),
  );
});
