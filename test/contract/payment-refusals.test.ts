/**
 * Verifies: an invalid payment is refused with its reason, starts no job and changes no record.
 * Setup: vouchers made by x402's own client functions, each tampered with in one way, sent to the gate over HTTP.
 * Fails if: a job starts without payment, a voucher is accepted twice, a forger can block a channel, or OpenAI
 * clients can't read the errors.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodePaymentRequiredHeader, encodePaymentSignatureHeader } from '@x402/core/http';
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import {
  type BatchSettlementClientDeps,
  buildChannelConfig,
  computeChannelId,
  createBatchSettlementEIP3009DepositPayload,
  InMemoryClientChannelStorage,
  signVoucher,
} from '@x402/evm/batch-settlement/client';
import { z } from 'zod';
import { CHANNEL_PATH } from '../../main/ports/payments.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { PAYMENT_HEADER, PAYMENT_REQUIRED_HEADER, PAYMENT_RESPONSE_HEADER } from '../../shared/wire.ts';
import { CEILING, DEPOSIT_MIN, makeAccounts, openMarket, PAID_PATH } from './paid-service.ts';

const NETWORK = 'eip155:31337';
const errorSchema = z.object({
  error: z.object({ message: z.string(), type: z.string(), param: z.null(), code: z.string() }),
});

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-refusals-'));
let market: Awaited<ReturnType<typeof openMarket>>;
let requirement: PaymentRequirements;

before(async () => {
  market = await openMarket(folder);
  const response = await fetch(market.service.url + PAID_PATH, { method: 'POST' });
  const [accept] = decodePaymentRequiredHeader(response.headers.get(PAYMENT_REQUIRED_HEADER) ?? '').accepts;
  if (accept === undefined) throw new Error('no requirement');
  requirement = accept;
});

after(async () => {
  await market.service.close();
  await market.chain.stop();
  rmSync(folder, { recursive: true });
});

function depsOf(accounts: WalletAccounts, salt = `0x${'0'.repeat(63)}1`): BatchSettlementClientDeps {
  return {
    signer: { address: accounts.funds.address, signTypedData: (data) => accounts.funds.signTypedData(data) },
    voucherSigner: {
      address: accounts.session.address,
      signTypedData: (data) => accounts.session.signTypedData(data),
    },
    payerAuthorizer: accounts.session.address,
    salt: salt as `0x${string}`,
    storage: new InMemoryClientChannelStorage(),
  };
}

async function voucherPayment(
  deps: BatchSettlementClientDeps,
  cumulative: bigint,
  accepted = requirement,
  signer = deps.voucherSigner ?? deps.signer,
): Promise<PaymentPayload> {
  const channelConfig = buildChannelConfig(deps, accepted);
  const id = computeChannelId(channelConfig, NETWORK);
  const voucher = await signVoucher(signer, id, cumulative.toString(), NETWORK);
  return { x402Version: 2, accepted, payload: { type: 'voucher', channelConfig, voucher } };
}

async function depositPayment(
  deps: BatchSettlementClientDeps,
  sum: bigint,
  accepted: PaymentRequirements,
): Promise<PaymentPayload> {
  const { payload } = await createBatchSettlementEIP3009DepositPayload(
    deps.signer,
    2,
    accepted,
    buildChannelConfig(deps, accepted),
    sum.toString(),
    accepted.amount,
    deps.voucherSigner,
  );
  return { x402Version: 2, accepted, payload };
}

async function send(payment: PaymentPayload | string, path = PAID_PATH) {
  const header = typeof payment === 'string' ? payment : encodePaymentSignatureHeader(payment);
  const response = await fetch(market.service.url + path, {
    method: 'POST',
    headers: { [PAYMENT_HEADER]: header },
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

async function expectRefused(
  sent: Promise<{ status: number; headers: Headers; body: string }>,
  code: string,
): Promise<void> {
  const response = await sent;
  assert.equal(response.status, 402, response.body);
  const { error } = errorSchema.parse(JSON.parse(response.body));
  assert.equal(error.code, code);
  assert.equal(error.type, 'payment_required');
  assert.match(error.message, /^[A-Z].*\.$/);
  const required = decodePaymentRequiredHeader(response.headers.get(PAYMENT_REQUIRED_HEADER) ?? '');
  assert.equal(required.accepts[0]?.scheme, 'batch-settlement');
}

/** Opens a funded channel at the path that charges nothing. */
async function openChannel(accounts: WalletAccounts, sum = 20_000n): Promise<BatchSettlementClientDeps> {
  await market.chain.fund(accounts.funds.address);
  const deps = depsOf(accounts);
  const opened = await send(await depositPayment(deps, sum, { ...requirement, amount: '1' }), CHANNEL_PATH);
  assert.equal(opened.status, 200, opened.body);
  return deps;
}

test('each invalid payment is refused with its own reason and starts no job', async () => {
  const accounts = await makeAccounts();
  const deps = await openChannel(accounts);
  let worked = 0;
  market.service.work = async (payment, response) => {
    worked += 1;
    const { paymentResponse } = await payment.settle(CEILING);
    response.writeHead(200, { [PAYMENT_RESPONSE_HEADER]: paymentResponse }).end();
  };
  const unpaid = await fetch(market.service.url + PAID_PATH, { method: 'POST' });
  assert.equal(errorSchema.parse(await unpaid.json()).error.code, 'voucher-missing');
  await expectRefused(send('not base64 json'), 'voucher-malformed');
  await expectRefused(send(Buffer.from('{"x402Version":2}').toString('base64')), 'voucher-malformed');
  await expectRefused(send('A'.repeat(9_000)), 'voucher-malformed');

  const stranger = await makeAccounts();
  const forger = {
    address: stranger.session.address,
    signTypedData: (data: Parameters<typeof stranger.session.signTypedData>[0]) =>
      stranger.session.signTypedData(data),
  };
  await expectRefused(send(await voucherPayment(deps, CEILING, requirement, forger)), 'bad-signature');

  const cheaper = { ...requirement, amount: '499' };
  await expectRefused(send(await voucherPayment(deps, 499n, cheaper)), 'voucher-too-small');
  await expectRefused(send(await voucherPayment(deps, 499n)), 'voucher-too-small');
  await expectRefused(send(await voucherPayment(deps, 501n)), 'voucher-out-of-step');
  assert.equal(worked, 0);

  const valid = await voucherPayment(deps, CEILING);
  assert.equal((await send(valid)).status, 200);
  assert.equal(worked, 1);
  await expectRefused(send(valid), 'voucher-replayed');

  const other = depsOf(accounts, `0x${'0'.repeat(63)}2`);
  const otherConfig = buildChannelConfig(other, requirement);
  const swapped = await voucherPayment(deps, CEILING * 2n);
  await expectRefused(
    send({ ...swapped, payload: { ...swapped.payload, channelConfig: otherConfig } }),
    'other-channel',
  );
  const elsewhere = { ...requirement, payTo: stranger.funds.address };
  const otherReceiver = await voucherPayment(deps, CEILING, elsewhere);
  await expectRefused(send({ ...otherReceiver, accepted: requirement }), 'other-channel');
  await expectRefused(send(await voucherPayment(other, CEILING)), 'deposit-too-small');

  const huge = { ...requirement, amount: '30000' };
  await expectRefused(send(await voucherPayment(deps, 30_500n, huge)), 'deposit-too-small');
  assert.equal(worked, 1);
  assert.equal(await chargedTo(deps), CEILING);
  market.service.work = null;
});

test('refuses a concurrent request on the same channel as busy', async () => {
  const deps = await openChannel(await makeAccounts());
  const payment = await voucherPayment(deps, CEILING);
  const inside = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  market.service.work = async (admitted, response) => {
    inside.resolve();
    await release.promise;
    const { paymentResponse } = await admitted.settle(CEILING);
    response.writeHead(200, { [PAYMENT_RESPONSE_HEADER]: paymentResponse }).end();
  };
  const first = send(payment);
  await inside.promise;
  await expectRefused(send(payment), 'channel-busy');
  release.resolve();
  assert.equal((await first).status, 200);
  assert.equal(await chargedTo(deps), CEILING);
  market.service.work = null;
});

test('a deposit that is too small or exceeds the wallet’s balance opens no channel', async () => {
  const accounts = await makeAccounts();
  await market.chain.fund(accounts.funds.address);
  const opening = { ...requirement, amount: '1' };
  const small = await depositPayment(depsOf(accounts), DEPOSIT_MIN - 1n, opening);
  await expectRefused(send(small, CHANNEL_PATH), 'deposit-too-small');
  const poor = depsOf(await makeAccounts());
  await expectRefused(send(await depositPayment(poor, 20_000n, opening), CHANNEL_PATH), 'deposit-refused');
  assert.equal(await chargedTo(poor), null);
});

test('a deposit sent with a paid request is on the chain before the job, and its charge is clamped', async () => {
  const accounts = await makeAccounts();
  await market.chain.fund(accounts.funds.address);
  const deps = depsOf(accounts);
  let held: bigint | null = null;
  market.service.work = async (payment, response) => {
    held = (await market.provider.node.readContract({
      address: market.chain.network.token.address as `0x${string}`,
      abi: ['function balanceOf(address) view returns (uint256)'],
      functionName: 'balanceOf',
      args: [accounts.funds.address],
    })) as bigint;
    const settled = await payment.settle((CEILING + 1n) as typeof CEILING);
    response
      .writeHead(200, { [PAYMENT_RESPONSE_HEADER]: settled.paymentResponse })
      .end(String(settled.charged));
  };
  const answer = await send(await depositPayment(deps, 20_000n, requirement));
  market.service.work = null;
  assert.equal(answer.status, 200, answer.body);
  assert.equal(answer.body, CEILING.toString());
  assert.equal(held, 1_000_000_000n - 20_000n);
});

async function chargedTo(deps: BatchSettlementClientDeps): Promise<bigint | null> {
  const id = computeChannelId(buildChannelConfig(deps, requirement), NETWORK).toLowerCase();
  return market.provider.claims.accounts().find((account) => account.channelId === id)?.charged ?? null;
}
