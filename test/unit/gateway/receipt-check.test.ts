/**
 * Goal: a provider's account is believed only where it holds. Method: one true receipt, and every single way
 * to bend it. What would break: paying for tokens that never came, or for another model, price or channel.
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
  tokens,
  charged,
};
const truth: Receipt = {
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
  it('believes the truth', async () => {
    assert.equal(await reasonFor(truth), null);
    assert.equal(await reasonFor(truth, { tokens: null }), null, 'also without token ids');
  });

  it('holds the provider to the price that was offered, and takes a lower one', async () => {
    const price = { inputPerMillion: '1000000', outputPerMillion: '7000000' };
    const lower = charge(price, { input: 10, output: 3 });
    assert.equal(await reasonFor({ ...truth, price, charged: `${lower}` }, { charged: lower }), null);
    const dear = { inputPerMillion: '2000000', outputPerMillion: '9000000' };
    const higher = charge(dear, { input: 10, output: 3 });
    const bent = { ...truth, price: dear, charged: `${higher}` };
    assert.equal(await reasonFor(bent, { charged: higher }), 'charge');
  });

  it('believes an account of fewer tokens than arrived: the last ones came after the count', async () => {
    const cost = charge(model.price, { input: 10, output: 2 });
    const fewer = { ...truth, outputTokens: 2, tokenHash: hashTokens([5, 70_000]), charged: cost.toString() };
    assert.equal(await reasonFor(fewer, { charged: cost }), null);
    const lie = { ...fewer, tokenHash: hashTokens([1, 2]) };
    assert.equal(await reasonFor(lie, { charged: cost }), 'token-hash');
  });

  it('refuses every bent account by its reason', async () => {
    const more = charge(model.price, { input: 10, output: 4 });
    const cases: [object, Partial<Expected>, string][] = [
      [{ ...truth, peer: other.peer }, {}, 'another-peer'],
      [{ ...truth, modelSha256: '0'.repeat(64) }, {}, 'another-model'],
      [{ ...truth, assetId: 'other' }, {}, 'another-asset'],
      [{ ...truth, channelId: 'other' }, {}, 'another-channel'],
      [{ ...truth, inputTokens: 21 }, {}, 'input-tokens'],
      [{ ...truth, outputTokens: 6 }, { tokens: null }, 'output-tokens'],
      [{ ...truth, outputTokens: 4, charged: more.toString() }, { charged: more }, 'output-tokens'],
      [{ ...truth, tokenHash: hashTokens([5, 70_000, 8]) }, {}, 'token-hash'],
      [{ ...truth, charged: (charged + 1n).toString() }, { charged: amount(charged + 1n) }, 'charge'],
      [truth, { ceiling: amount(charged - 1n) }, 'ceiling'],
      [truth, { charged: amount(charged - 1n) }, 'payment-response'],
      [{ ...truth, charged: '-1' }, { charged: amount(-1) }, 'charge'],
      [{ ...truth, outputTokens: 2.5 }, {}, 'malformed'],
      [{ hello: 1 }, {}, 'malformed'],
    ];
    for (const [receipt, against, reason] of cases) assert.equal(await reasonFor(receipt, against), reason);
  });

  it('refuses what another peer signed, and what was changed after signing', async () => {
    assert.equal(await reasonFor(truth, {}, other), 'signature');
    const [head, , signature] = (await key.sign(truth)).split('.');
    const payload = Buffer.from(JSON.stringify({ ...truth, charged: '0' })).toString('base64url');
    for (const jws of ['', `${head}.${payload}.${signature}`]) {
      await assert.rejects(
        checkReceipt(jws, expected, verifySigned),
        (error) => isAppError(error, 'receipt-refused') && error.details.reason === 'signature',
      );
    }
  });
});
