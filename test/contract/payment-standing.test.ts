/**
 * Verifies: a payment header is judged before the body of its request as the gate would judge it, and a provider's
 * endless response costs the payer neither memory nor time.
 * Setup: the real gate and payer over plain HTTP on a real local chain; a provider that sends without end.
 * Fails if: a forged or spent voucher counts as a payment, a good one doesn't, or an endless body is read.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodePaymentSignatureHeader, encodePaymentSignatureHeader } from '@x402/core/http';
import { CHANNEL_PATH, PAYMENT_HEADER } from '../../main/ports/payments.ts';
import { amount } from '../../shared/money.ts';
import { PAYMENT_REQUIRED_HEADER, PAYMENT_RESPONSE_HEADER } from '../../shared/wire.ts';
import { buy, CEILING, openMarket, PAID_PATH, reach } from './paid-service.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-standing-'));
let market: Awaited<ReturnType<typeof openMarket>>;

before(async () => {
  market = await openMarket(folder);
});

after(async () => {
  await market.service.close();
  await market.chain.stop();
  rmSync(folder, { recursive: true });
});

const standing = (header: string | undefined) =>
  market.provider.gate.standing({ header: (name) => (name === PAYMENT_HEADER ? header : undefined) });

const chainWork = (header: string) =>
  market.provider.gate.chainWork({
    header: (name) => (name === PAYMENT_HEADER ? header : undefined),
    ceiling: CEILING,
  })?.kind;

test('a voucher is proven while it can pay, and refused once forged or spent', async () => {
  const { requester, service } = market;
  assert.equal(standing(undefined), 'none');
  assert.equal(standing('nonsense'), 'refused');
  let deposit = '';
  const provider = reach(service);
  await buy(requester, {
    ...provider,
    fetch(path, init) {
      const header = new Headers(init.headers).get(PAYMENT_HEADER);
      if (path === CHANNEL_PATH && header !== null) {
        deposit = header;
        assert.equal(standing(header), 'unproven', 'only the chain knows the deposit');
        assert.equal(chainWork(header), 'deposit');
      }
      return provider.fetch(path, init);
    },
  });
  assert.notEqual(deposit, '');
  const lease = await requester.payer.lease(provider, PAID_PATH, CEILING);
  const header = lease.headers[PAYMENT_HEADER] ?? '';
  assert.equal(standing(header), 'proven');
  assert.equal(chainWork(header), undefined, 'a funded channel costs no call to the chain');
  const unfunded = changed(header, (voucher) => ({ ...voucher, channelId: `0x${'8'.repeat(64)}` }));
  const above = changed(header, (voucher) => ({ ...voucher, maxClaimableAmount: '20001' }));
  assert.deepEqual([unfunded, above].map(chainWork), ['check', 'check']);
  assert.equal(
    standing(changed(header, (voucher) => ({ ...voucher, maxClaimableAmount: '19999' }))),
    'refused',
  );
  assert.equal(
    standing(changed(header, (voucher) => ({ ...voucher, channelId: `0x${'9'.repeat(64)}` }))),
    'unproven',
  );
  const response = await provider.fetch(PAID_PATH, { method: 'POST', headers: lease.headers });
  await lease.complete(response.headers.get(PAYMENT_RESPONSE_HEADER) ?? '');
  service.charge = CEILING;
  await buy(requester, provider);
  await buy(requester, provider);
  assert.equal(standing(header), 'refused', 'its money is spent');
});

function changed(header: string, change: (voucher: Record<string, unknown>) => object): string {
  const payment = decodePaymentSignatureHeader(header);
  const payload = payment.payload as { voucher: Record<string, unknown> };
  return encodePaymentSignatureHeader({
    ...payment,
    payload: { ...payload, voucher: change(payload.voucher) } as typeof payment.payload,
  });
}

test('an endless response to a deposit is given up at its limit', async () => {
  const { requester, service } = market;
  const provider = reach(service);
  const requirements = await provider.fetch(CHANNEL_PATH, { method: 'POST' });
  const required = requirements.headers.get(PAYMENT_REQUIRED_HEADER) ?? '';
  let sent = 0;
  const endless = {
    peer: 'endless',
    async fetch(_path: string, init: RequestInit) {
      const isFirst = new Headers(init.headers).get(PAYMENT_HEADER) === null;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 16_384;
          if (sent > 64 * 1_048_576) return controller.close();
          controller.enqueue(new Uint8Array(16_384).fill(0x78));
        },
      });
      if (isFirst) return new Response('', { status: 402, headers: { [PAYMENT_REQUIRED_HEADER]: required } });
      return new Response(body, { status: 402 });
    },
  };
  await assert.rejects(requester.payer.lease(endless, PAID_PATH, amount(500)));
  assert.ok(sent < 262_144, `${sent} bytes`);
});
