/**
 * Verifies: the gate's own fast check gives the same results as x402's server, and accepts nothing that the contract
 * rejects.
 * Setup: one channel and two gates over the same store, one with our own check and one with x402's; the same payment,
 * tampered with in every way we know, goes to both. Tampered signatures also go to the contract.
 * Fails if: a job is sold for a voucher that can't be claimed, a stranger's voucher is accepted, or the chain is
 * queried for every voucher.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodePaymentSignatureHeader, encodePaymentSignatureHeader } from '@x402/core/http';
import { concat, N, Signature, toBeHex } from 'ethers';
import { z } from 'zod';
import { SETTLEMENT_ADDRESS } from '../../main/ports/contracts.ts';
import type { PaymentGate } from '../../main/ports/payments.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { amount } from '../../shared/money.ts';
import { PAYMENT_HEADER } from '../../shared/wire.ts';
import { driveContract } from './contract-driver.ts';
import { buy, CEILING, makeAccounts, openMarket, openProvider, PAID_PATH, reach } from './paid-service.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-verification-'));
let market: Awaited<ReturnType<typeof openMarket>>;
let byX402: PaymentGate;

before(async () => {
  market = await openMarket(folder);
  const { accounts, store } = market.provider;
  await buy(market.requester, reach(market.service));
  byX402 = (await openProvider(market.chain, accounts, { store, checks: 'x402' })).gate;
});

after(async () => {
  await market.service.close();
  await market.chain.stop();
  rmSync(folder, { recursive: true });
});

const payloadSchema = z.object({
  type: z.string(),
  channelConfig: z.record(z.string(), z.unknown()),
  voucher: z.object({ channelId: z.string(), maxClaimableAmount: z.string(), signature: z.string() }),
});
type Payload = z.infer<typeof payloadSchema>;

/** A valid payment for the next request, changed by `tamper`. */
async function payment(tamper: (payload: Payload) => void): Promise<string> {
  const lease = await market.requester.payer.lease(reach(market.service), PAID_PATH, CEILING);
  await lease.abandon();
  const decoded = decodePaymentSignatureHeader(lease.headers[PAYMENT_HEADER] ?? '');
  const payload = payloadSchema.parse(decoded.payload);
  tamper(payload);
  return encodePaymentSignatureHeader({ ...decoded, payload });
}

async function admit(gate: PaymentGate, header: string): Promise<string> {
  const admission = await gate.admit({
    method: 'POST',
    path: PAID_PATH,
    header: (name) => (name === PAYMENT_HEADER ? header : undefined),
    ceiling: CEILING,
    description: 'test',
  });
  if (admission.kind === 'answered') return admission.reason;
  await admission.payment.cancel();
  return 'admitted';
}

const other = `0x${'5'.repeat(40)}`;
const resigned = (change: (signature: Signature) => string) => (payload: Payload) => {
  payload.voucher.signature = change(Signature.from(payload.voucher.signature));
};
/** Each form recovers to the same signer in some library; the contract accepts none of them. */
const FORMS: Readonly<Record<string, (payload: Payload) => void>> = {
  'the higher s': resigned(({ r, s, v }) => concat([r, toBeHex(N - BigInt(s), 32), toBeHex(55 - v, 1)])),
  'v of 0 or 1': resigned(({ r, s, v }) => concat([r, s, toBeHex(v - 27, 1)])),
  'v as in EIP-155': resigned(({ r, s, v }) => concat([r, s, toBeHex(v + 10, 1)])),
  'the compact form': resigned(({ compactSerialized }) => compactSerialized),
};
const TAMPERED: Readonly<Record<string, (payload: Payload) => void>> = {
  ...FORMS,
  'the other v': resigned(({ r, s, v }) => concat([r, s, toBeHex(55 - v, 1)])),
  'a byte cut off': resigned(({ serialized }) => serialized.slice(0, -2)),
  'no signature': resigned(() => '0x'),
  'another amount': ({ voucher }) => {
    voucher.maxClaimableAmount = (BigInt(voucher.maxClaimableAmount) + 1n).toString();
  },
  'another channel': ({ voucher }) => {
    voucher.channelId = `0x${'1'.repeat(64)}`;
  },
  ...Object.fromEntries(
    ['payer', 'payerAuthorizer', 'receiver', 'receiverAuthorizer', 'token'].map((name) => [
      `another ${name}`,
      ({ channelConfig }: Payload) => {
        channelConfig[name] = other;
      },
    ]),
  ),
  'another delay': ({ channelConfig }) => {
    channelConfig.withdrawDelay = 7_200;
  },
  'no key': ({ channelConfig }) => {
    channelConfig.payerAuthorizer = `0x${'0'.repeat(40)}`;
  },
};

test('both checks admit a valid voucher and refuse a tampered one for the same reason', async () => {
  const valid = await payment(() => undefined);
  assert.equal(await admit(market.provider.gate, valid), 'admitted');
  assert.equal(await admit(byX402, valid), 'admitted');
  for (const [name, tamper] of Object.entries(TAMPERED)) {
    const header = await payment(tamper);
    const reason = await admit(market.provider.gate, header);
    assert.notEqual(reason, 'admitted', name);
    assert.equal(reason, await admit(byX402, header), name);
    if (name in FORMS) assert.equal(reason, 'bad-signature', name);
  }
  assert.equal(await admit(market.provider.gate, valid), 'admitted', 'the channel is unchanged');
});

test('refuses a voucher signed by another key or for another chain', async () => {
  const stranger = await makeAccounts();
  const sign = (signer: WalletAccounts, chainId: number) => async (payload: Payload) => {
    payload.voucher.signature = await signer.session.signTypedData({
      domain: {
        name: 'x402 Batch Settlement',
        version: '1',
        chainId,
        verifyingContract: SETTLEMENT_ADDRESS,
      },
      types: {
        Voucher: [
          { name: 'channelId', type: 'bytes32' },
          { name: 'maxClaimableAmount', type: 'uint128' },
        ],
      },
      primaryType: 'Voucher',
      message: { ...payload.voucher, signature: undefined },
    });
  };
  const headerOf = async (resign: (payload: Payload) => Promise<void>): Promise<string> => {
    let captured: Payload | undefined;
    const header = await payment((payload) => {
      captured = payload;
    });
    const decoded = decodePaymentSignatureHeader(header);
    if (captured === undefined) throw new Error('no payload');
    await resign(captured);
    return encodePaymentSignatureHeader({ ...decoded, payload: captured });
  };
  const { accounts } = market.requester;
  const own = await headerOf(sign(accounts, 31_337));
  assert.equal(await admit(market.provider.gate, own), 'admitted', 'the test signs as the payer does');
  for (const gate of [market.provider.gate, byX402]) {
    assert.equal(await admit(gate, await headerOf(sign(stranger, 31_337))), 'bad-signature');
    assert.equal(await admit(gate, await headerOf(sign(accounts, 8_453))), 'bad-signature');
  }
});

test('the contract rejects the signature forms that the gate refuses', async () => {
  const on = driveContract(market.chain, market.provider.node);
  const party = await on.party();
  const channel = on.config(party);
  await on.deposit(party, channel, 1_000n, 1n);
  const row = { channel, max: 500n, total: 500n, signer: party.payer.session };
  const [claim] = await on.signClaims([row]);
  if (claim === undefined) throw new Error('no claim');
  const batch = await on.signBatch(party.receiver.session, [row]);
  for (const [name, tamper] of Object.entries(FORMS)) {
    const tampered: Payload = {
      type: 'voucher',
      channelConfig: {},
      voucher: { channelId: '', maxClaimableAmount: '0', signature: claim.signature },
    };
    tamper(tampered);
    const rows = [{ ...claim, signature: tampered.voucher.signature }];
    await assert.rejects(on.send(party.asAnybody, 'claimWithSignature', [rows, batch]), /refused/, name);
  }
  await on.send(party.asAnybody, 'claimWithSignature', [[claim], batch]);
});

test('queries the chain when the stored state is old, and not for each voucher', async () => {
  const { store, gate } = market.provider;
  let id = '';
  const validPayment = () =>
    payment(({ voucher }) => {
      id = voucher.channelId.toLowerCase();
    });
  const record = () => {
    const value: unknown = JSON.parse(store.get('x402-sold-channel', id) ?? '');
    return z.looseObject({ onchainSyncedAt: z.number() }).parse(value);
  };
  const header = await validPayment();
  const first = record().onchainSyncedAt;
  assert.equal(await admit(gate, header), 'admitted');
  assert.equal(record().onchainSyncedAt, first, 'a check without the chain renews no timestamp');
  store.set('x402-sold-channel', id, JSON.stringify({ ...record(), onchainSyncedAt: 0 }));
  assert.equal(await admit(gate, header), 'admitted');
  assert.ok(record().onchainSyncedAt >= first, 'queried again');
  assert.equal(await buy(market.requester, reach(market.service)), amount(123));
});
