/**
 * Goal: the gate's own fast check answers as x402's server does, and takes nothing that the contract refuses.
 * Method: one channel, two gates over the same store, one checking by itself and one leaving it to x402; the
 * same payment, bent in every way we know, is put to both. Bent signatures are put to the contract too.
 * Would break: work for a voucher that cannot be claimed, a stranger's voucher let in, the chain asked for each.
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
import { driveContract } from './contract-driver.ts';
import { buy, CEILING, makeAccounts, openMarket, openProvider, PAID_PATH, reach } from './paid-service.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-verification-'));
let market: Awaited<ReturnType<typeof openMarket>>;
let byX402: PaymentGate;

before(async () => {
  market = await openMarket(folder);
  const { accounts, store } = market.provider;
  await buy(market.requester, reach(market.service));
  byX402 = (await openProvider(market.chain, accounts, store, 'x402')).gate;
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

/** A good payment for the next request, changed by `bend`. */
async function payment(bend: (payload: Payload) => void): Promise<string> {
  const lease = await market.requester.payer.lease(reach(market.service), PAID_PATH, CEILING);
  await lease.abandon();
  const decoded = decodePaymentSignatureHeader(lease.headers['payment-signature'] ?? '');
  const payload = payloadSchema.parse(decoded.payload);
  bend(payload);
  return encodePaymentSignatureHeader({ ...decoded, payload });
}

async function ask(gate: PaymentGate, header: string): Promise<string> {
  const admission = await gate.admit({
    method: 'POST',
    path: PAID_PATH,
    header: (name) => (name === 'payment-signature' ? header : undefined),
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
/** Each reads as the same signer to one library or another; the contract takes none of them. */
const FORMS: Readonly<Record<string, (payload: Payload) => void>> = {
  'the higher s': resigned(({ r, s, v }) => concat([r, toBeHex(N - BigInt(s), 32), toBeHex(55 - v, 1)])),
  'v of 0 or 1': resigned(({ r, s, v }) => concat([r, s, toBeHex(v - 27, 1)])),
  'v as in EIP-155': resigned(({ r, s, v }) => concat([r, s, toBeHex(v + 10, 1)])),
  'the compact form': resigned(({ compactSerialized }) => compactSerialized),
};
const BENDS: Readonly<Record<string, (payload: Payload) => void>> = {
  ...FORMS,
  'the other v': resigned(({ r, s, v }) => concat([r, s, toBeHex(55 - v, 1)])),
  'a byte cut off': resigned(({ serialized }) => serialized.slice(0, -2)),
  'no signature': resigned(() => '0x'),
  'another sum': ({ voucher }) => {
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
  'nobody’s key': ({ channelConfig }) => {
    channelConfig.payerAuthorizer = `0x${'0'.repeat(40)}`;
  },
};

test('a good voucher is admitted by both checks, a bent one refused by both for the same reason', async () => {
  const straight = await payment(() => undefined);
  assert.equal(await ask(market.provider.gate, straight), 'admitted');
  assert.equal(await ask(byX402, straight), 'admitted');
  for (const [name, bend] of Object.entries(BENDS)) {
    const header = await payment(bend);
    const reason = await ask(market.provider.gate, header);
    assert.notEqual(reason, 'admitted', name);
    assert.equal(reason, await ask(byX402, header), name);
    if (name in FORMS) assert.equal(reason, 'bad-signature', name);
  }
  assert.equal(await ask(market.provider.gate, straight), 'admitted', 'the channel is as it was');
});

test('a voucher signed by a stranger’s key, or for another chain, is refused', async () => {
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
    let kept: Payload | undefined;
    const header = await payment((payload) => {
      kept = payload;
    });
    const decoded = decodePaymentSignatureHeader(header);
    if (kept === undefined) throw new Error('no payload');
    await resign(kept);
    return encodePaymentSignatureHeader({ ...decoded, payload: kept });
  };
  const { accounts } = market.requester;
  const own = await headerOf(sign(accounts, 31_337));
  assert.equal(await ask(market.provider.gate, own), 'admitted', 'the test signs as the payer does');
  for (const gate of [market.provider.gate, byX402]) {
    assert.equal(await ask(gate, await headerOf(sign(stranger, 31_337))), 'bad-signature');
    assert.equal(await ask(gate, await headerOf(sign(accounts, 8_453))), 'bad-signature');
  }
});

test('the contract refuses the forms that the gate refuses', async () => {
  const on = driveContract(market.chain, market.provider.node);
  const who = await on.party();
  const channel = on.config(who);
  await on.deposit(who, channel, 1_000n, 1n);
  const row = { channel, max: 500n, total: 500n, signer: who.payer.session };
  const [claim] = await on.signClaims([row]);
  if (claim === undefined) throw new Error('no claim');
  const batch = await on.signBatch(who.receiver.session, [row]);
  for (const [name, bend] of Object.entries(FORMS)) {
    const bent: Payload = {
      type: 'voucher',
      channelConfig: {},
      voucher: { channelId: '', maxClaimableAmount: '0', signature: claim.signature },
    };
    bend(bent);
    const rows = [{ ...claim, signature: bent.voucher.signature }];
    await assert.rejects(on.send(who.asAnybody, 'claimWithSignature', [rows, batch]), /refused/, name);
  }
  await on.send(who.asAnybody, 'claimWithSignature', [[claim], batch]);
});

test('the chain is asked when it was not seen for long, and not for each voucher', async () => {
  const { store, gate } = market.provider;
  let id = '';
  const straight = () =>
    payment(({ voucher }) => {
      id = voucher.channelId.toLowerCase();
    });
  const record = () => {
    const value: unknown = JSON.parse(store.get('x402-sold-channel', id) ?? '');
    return z.looseObject({ onchainSyncedAt: z.number() }).parse(value);
  };
  const header = await straight();
  const first = record().onchainSyncedAt;
  assert.equal(await ask(gate, header), 'admitted');
  assert.equal(record().onchainSyncedAt, first, 'a check without the chain renews nothing');
  store.set('x402-sold-channel', id, JSON.stringify({ ...record(), onchainSyncedAt: 0 }));
  assert.equal(await ask(gate, header), 'admitted');
  assert.ok(record().onchainSyncedAt >= first, 'looked again');
  assert.equal(await buy(market.requester, reach(market.service)), amount(123));
});
