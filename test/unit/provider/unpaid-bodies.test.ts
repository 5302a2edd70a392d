/**
 * Verifies: what a stranger sends for nothing costs next to nothing: no body is received before pause, payment and
 * places allow it, and free requests are few per second.
 * Setup: the real service with a scripted engine, a fake payment gate and a clock that the test moves; bodies that count
 * the bytes that were read of them.
 * Fails if: an unpaid or refused request has its body read, strangers take the places of payers, or a peer gets offers
 * without limit.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PaymentGate, PaymentStanding } from '../../../main/ports/payments.ts';
import { OFFER_PATH } from '../../../shared/offer.ts';
import { createFakeGate } from '../../fakes/payment-gate.ts';
import { ask, refused, setUp } from './provider-setup.ts';

const KIB = 1024;

/** A body that never ends unless it is read to its size; `read` counts the bytes taken from it. */
function countedBody(bytes: number) {
  let read = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (read >= bytes) return controller.close();
        read += KIB;
        controller.enqueue(new Uint8Array(KIB).fill(0x20));
      },
    },
    { highWaterMark: 0 },
  );
  return { body, read: () => read };
}

async function setUpWith(standing: PaymentStanding, more: Parameters<typeof setUp>[0] = {}) {
  const gate = { ...createFakeGate(), standing: (): PaymentStanding => standing };
  if (standing === 'refused') {
    gate.admit = async () => ({
      kind: 'answered',
      status: 402,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ error: { message: 'No.', type: 'x', param: null, code: 'bad-signature' } }),
      reason: 'bad-signature',
    });
  }
  const parts = { ...(await setUp({ gate, ...more })), gate: gate as PaymentGate };
  const send = (body: ReadableStream, headers: Record<string, string> = {}, peer = 'stranger') =>
    Promise.resolve(
      parts.service.app.fetch(
        new Request('http://provider/v1/chat/completions', {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-peer-id': peer, ...headers },
          body,
          duplex: 'half',
        } as RequestInit),
      ),
    );
  return { ...parts, send };
}

describe('the body of a stranger’s request', () => {
  it('is not received while this machine is paused', async () => {
    const paused = { decision: 'pause', reason: 'owner-active', sinceMs: 0, untilMs: null } as const;
    const { send } = await setUpWith('none', { presence: () => paused as never });
    const { body, read } = countedBody(KIB);
    await refused(await send(body, { 'content-length': String(KIB) }), 503, {});
    assert.equal(read(), 0);
  });

  it('is not received when the payment is refused anyway', async () => {
    const { send } = await setUpWith('refused');
    const { body, read } = countedBody(KIB);
    await refused(await send(body, { 'content-length': String(KIB) }), 402, { code: 'bad-signature' });
    assert.equal(read(), 0);
  });

  it('is not received without a payment if it is large or of unknown size, and the answer tells a price', async () => {
    const { send } = await setUpWith('none');
    for (const headers of [{ 'content-length': String(65 * KIB) }, { 'transfer-encoding': 'chunked' }]) {
      const { body, read } = countedBody(65 * KIB);
      await refused(await send(body, headers), 402, { code: 'voucher-missing' });
      assert.equal(read(), 0);
    }
  });

  it('has few places, which leave those of payers free', async () => {
    const { send, post, gate } = await setUpWith('unproven');
    const never = () => new ReadableStream({ pull: () => new Promise(() => undefined) });
    const length = { 'content-length': String(KIB) };
    for (const peer of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      void send(never(), length, peer);
      void send(never(), length, peer);
    }
    await new Promise((resolve) => setImmediate(resolve));
    await refused(await send(never(), length, 'a'), 429, {});
    await refused(await send(never(), length, 'newcomer'), 429, {});
    gate.standing = () => 'proven';
    assert.equal((await post('no json')).status, 400, 'a payer’s body is received');
  });
});

describe('free requests of one peer', () => {
  it('are limited by the monotonic clock, without effect on other peers', async () => {
    const { service, clock } = await setUp();
    const offer = async (peer: string) =>
      (
        await service.app.fetch(
          new Request(`http://provider${OFFER_PATH}`, { headers: { 'x-peer-id': peer } }),
        )
      ).status;
    const statuses = [];
    for (let count = 0; count < 280; count += 1) statuses.push(await offer('greedy'));
    assert.equal(statuses.filter((status) => status === 200).length, 50);
    assert.equal(await offer('other'), 200);
    clock.setTimeBy(3_600_000);
    assert.equal(await offer('greedy'), 429, 'setting the clock helps nobody');
    clock.advance(10_000);
    const later = [];
    for (let count = 0; count < 100; count += 1) later.push(await offer('greedy'));
    assert.equal(later.filter((status) => status === 200).length, 50);
  });

  it('say when to come back', async () => {
    const { service } = await setUp({ limits: { freePerPeerMax: 1, freeWindowMs: 2_000 } });
    const get = () => service.app.fetch(new Request(`http://provider${OFFER_PATH}`));
    await get();
    assert.equal((await get()).headers.get('retry-after'), '2');
  });

  it('don’t count what was paid for', async () => {
    const { post, engine, voucher } = await setUp({ limits: { freePerPeerMax: 2 } });
    for (let count = 0; count < 6; count += 1) {
      const answered = post(ask({ stream: false }), { headers: voucher(`paid-${count}`) });
      const call = await engine.next();
      call.start(3);
      call.text('x', 1);
      call.end('stop');
      assert.equal((await answered).status, 200);
    }
  });
});
