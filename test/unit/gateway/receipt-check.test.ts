/**
 * Verifies: a provider's receipt is accepted only if every field of it is right.
 * Setup: one valid receipt, and every single way to tamper with it.
 * Fails if: tokens that never arrived are paid, or another model, price or channel is.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { createPeerKey, verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { checkReceipt, type Expected, hashTokens } from '../../../main/core/gateway/receipt-check.ts';
import { isAppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import type { Receipt } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import { OFFERED } from '../../fakes/market.ts';

const key = await createPeerKey(await generateKeyPair('Ed25519'));
const other = await createPeerKey(await generateKeyPair('Ed25519'));
const model = { ...OFFERED, price: { inputPerMillion: '2000000', outputPerMillion: '7000000' } };
const tokens = [5, 70_000, 9];
const charged = charge(model.price, { input: 10, output: 3 });

const expected: Expected = {
  peer: key.peer,
  model,
  assetId: 'asset',
  channelId: 'channel',
  ceiling: amount(1_000),
  inputTokensMax: 20,
  outputTokensMax: 5,
  asked: { temperature: 0.7, topP: 0.9, seed: 7, sampling: { minP: 0.1 } },
  tokens,
  charged,
};
const valid: Receipt = {
  job: 'job',
  peer: key.peer,
  modelSha256: model.sha256,
  inputTokens: 10,
  outputTokens: 3,
  price: model.price,
  assetId: 'asset',
  channelId: 'channel',
  charged: charged.toString(),
  cumulative: '900',
  tokenHash: hashTokens(tokens),
  finishReason: 'stop',
  atMs: 1,
};

async function reasonFor(receipt: object, against: Partial<Expected> = {}, signer = key): Promise<unknown> {
  try {
    await checkReceipt(await signer.sign(receipt), { ...expected, ...against }, verifySigned);
  } catch (error) {
    assert.ok(isAppError(error, 'receipt-refused'));
    return error.details.reason;
  }
  return null;
}

describe('receipt check', () => {
  it('accepts a valid receipt', async () => {
    assert.equal(await reasonFor(valid), null);
    assert.equal(await reasonFor(valid, { tokens: null }), null, 'even without token IDs');
  });

  it('enforces the offered price, and accepts a lower one', async () => {
    const price = { inputPerMillion: '1000000', outputPerMillion: '7000000' };
    const lower = charge(price, { input: 10, output: 3 });
    assert.equal(await reasonFor({ ...valid, price, charged: `${lower}` }, { charged: lower }), null);
    const expensive = { inputPerMillion: '2000000', outputPerMillion: '9000000' };
    const higher = charge(expensive, { input: 10, output: 3 });
    const tampered = { ...valid, price: expensive, charged: `${higher}` };
    assert.equal(await reasonFor(tampered, { charged: higher }), 'charge');
  });

  it('counts cached tokens at their price, and accepts the full price from a provider that counts none', async () => {
    const price = { ...model.price, cachedInputPerMillion: '500000' };
    const against = (cost: Expected['charged']) => ({ model: { ...model, price }, charged: cost });
    const full = charge(price, { input: 10, output: 3 });
    const reduced = charge(price, { input: 10, cached: 8, output: 3 });
    assert.equal(full - reduced, 12n);
    const cached = { ...valid, price, cachedTokens: 8 };
    assert.equal(await reasonFor({ ...cached, charged: `${reduced}` }, against(reduced)), null);
    assert.equal(await reasonFor({ ...cached, charged: `${full}` }, against(full)), 'charge');
    assert.equal(await reasonFor({ ...valid, price, charged: `${full}` }, against(full)), null);
    assert.equal(await reasonFor({ ...cached, cachedTokens: 11 }, against(full)), 'cached-tokens');
  });

  it('accepts a receipt for fewer tokens than arrived: the last ones came after the count', async () => {
    const cost = charge(model.price, { input: 10, output: 2 });
    const fewer = { ...valid, outputTokens: 2, tokenHash: hashTokens([5, 70_000]), charged: cost.toString() };
    assert.equal(await reasonFor(fewer, { charged: cost }), null);
    const wrongHash = { ...fewer, tokenHash: hashTokens([1, 2]) };
    assert.equal(await reasonFor(wrongHash, { charged: cost }), 'token-hash');
  });

  it('rejects every tampered receipt with its reason', async () => {
    const more = charge(model.price, { input: 10, output: 4 });
    const cases: [object, Partial<Expected>, string][] = [
      [{ ...valid, peer: other.peer }, {}, 'another-peer'],
      [{ ...valid, modelSha256: '0'.repeat(64) }, {}, 'another-model'],
      [{ ...valid, assetId: 'other' }, {}, 'another-asset'],
      [{ ...valid, channelId: 'other' }, {}, 'another-channel'],
      [{ ...valid, inputTokens: 21 }, {}, 'input-tokens'],
      [{ ...valid, outputTokens: 6 }, { tokens: null }, 'output-tokens'],
      [{ ...valid, outputTokens: 4, charged: more.toString() }, { charged: more }, 'output-tokens'],
      [{ ...valid, tokenHash: hashTokens([5, 70_000, 8]) }, {}, 'token-hash'],
      [{ ...valid, charged: (charged + 1n).toString() }, { charged: amount(charged + 1n) }, 'charge'],
      [valid, { ceiling: amount(charged - 1n) }, 'ceiling'],
      [valid, { charged: amount(charged - 1n) }, 'payment-response'],
      [{ ...valid, charged: '-1' }, { charged: amount(-1) }, 'charge'],
      [{ ...valid, outputTokens: 2.5 }, {}, 'malformed'],
      [{ hello: 1 }, {}, 'malformed'],
    ];
    for (const [receipt, against, reason] of cases) assert.equal(await reasonFor(receipt, against), reason);
  });

  it('rejects receipts that another peer signed or that were changed after signing', async () => {
    assert.equal(await reasonFor(valid, {}, other), 'signature');
    const [head, , signature] = (await key.sign(valid)).split('.');
    const payload = Buffer.from(JSON.stringify({ ...valid, charged: '0' })).toString('base64url');
    for (const jws of ['', `${head}.${payload}.${signature}`]) {
      await assert.rejects(
        checkReceipt(jws, expected, verifySigned),
        (error) => isAppError(error, 'receipt-refused') && error.details.reason === 'signature',
      );
    }
  });
});

describe('sampling in a receipt', () => {
  it('has to be the one that was asked for, where a provider signs how it sampled', async () => {
    const settings = { temperature: 0.7, topP: 0.9, topK: 40, minP: 0.1 };
    const sampling = { method: 'gumbel-max', seed: 7, ...settings, promptHash: 'c'.repeat(64) };
    assert.equal(await reasonFor({ ...valid, sampling }), null);
    assert.equal(
      await reasonFor({ ...valid, sampling: { ...sampling, method: 'of a later version' } }),
      null,
    );
    for (const change of [{ seed: 8 }, { temperature: 0.6 }, { topP: 1 }, { topK: 5 }, { minP: 0 }])
      assert.equal(await reasonFor({ ...valid, sampling: { ...sampling, ...change } }), 'sampling');
    assert.equal(await reasonFor({ ...valid, sampling: { ...sampling, promptHash: '' } }), 'malformed');
    const without = { asked: { ...expected.asked, seed: null } };
    assert.equal(await reasonFor({ ...valid, sampling: { ...sampling, seed: 8 } }, without), null);
  });
});
