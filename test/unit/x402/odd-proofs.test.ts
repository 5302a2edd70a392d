/**
 * Verifies: a provider's payment requirements and its proof of a channel's state can be anything, and cause no failure that
 * nobody expects.
 * Setup: requirements of every wrong kind, in the header that a provider sends; x402's own client reads the proofs.
 * Fails if: a provider makes a purchase fail as a defect of this machine, instead of as its own refusal.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { correctChannel } from '../../../main/adapters/x402/buying/channel-recovery.ts';
import { checkRequirements, decodeRequired } from '../../../main/adapters/x402/buying/provider-responses.ts';
import type { ChainNetwork } from '../../../main/ports/chain.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';

const ADDRESS = `0x${'11'.repeat(20)}`;
const NETWORK = 'eip155:31337';
const network = {
  id: NETWORK,
  token: { address: ADDRESS, eip712: { name: 'USDC', version: '2' } },
} as unknown as ChainNetwork;
const extra = { name: 'USDC', version: '2', receiverAuthorizer: ADDRESS, withdrawDelay: 3_600 };
const accept = {
  ...{ scheme: 'batch-settlement', network: NETWORK, asset: ADDRESS, amount: '5', payTo: ADDRESS },
  ...{ maxTimeoutSeconds: 60, extra },
};
const header = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const isUnsupported = (error: unknown) => isAppError(error, 'unsupported');

describe('payment requirements', () => {
  it('are none if the header holds no list of them', () => {
    for (const value of ['text', null, {}, { accepts: null }, { accepts: [null] }, { accepts: ['x'] }]) {
      assert.equal(decodeRequired(header(value)), null, JSON.stringify(value));
    }
  });

  it('can’t be met if the terms of the channel aren’t an address and a delay', () => {
    const check = (more: object) => {
      const required = decodeRequired(header({ accepts: [{ ...accept, extra: { ...extra, ...more } }] }));
      assert.ok(required);
      return checkRequirements(required, network);
    };
    assert.equal(check({}).amount, '5');
    const delays = [-1, 0.5, '3600', null, { toString: 3_600 }, 8 * 86_400];
    for (const withdrawDelay of delays) assert.throws(() => check({ withdrawDelay }), isUnsupported);
    for (const receiverAuthorizer of ['0x1', null, {}]) {
      assert.throws(() => check({ receiverAuthorizer }), isUnsupported);
    }
  });
});

describe('a proof of a channel’s state', () => {
  const deps = (readContract: () => Promise<unknown>) =>
    ({
      signer: { address: ADDRESS, readContract },
      storage: { get: async () => undefined, set: async () => assert.fail('nothing is proven') },
      salt: `0x${'00'.repeat(32)}`,
    }) as unknown as Parameters<typeof correctChannel>[0]['deps'];
  const required = (state: object, terms: object = accept) => {
    const decoded = decodeRequired(
      header({
        error: 'invalid_batch_settlement_evm_cumulative_amount_mismatch',
        accepts: [{ ...terms, ...('extra' in terms && { extra: { ...extra, ...state } }) }],
      }),
    );
    assert.ok(decoded);
    return decoded;
  };
  const proof = (charged: unknown, signature: unknown) => ({
    channelState: { chargedCumulativeAmount: charged },
    voucherState: { signedMaxClaimable: '9', signature },
  });

  it('that can’t be read proves nothing', async () => {
    const given = { deps: deps(async () => [10n, 0n]) };
    for (const state of [
      proof('many', '0x'),
      proof('1', '0x'),
      proof('1', 7),
      proof('1', `0x${'00'.repeat(65)}`),
      proof({ toString: null }, '0x'),
    ]) {
      assert.equal(await correctChannel(given, required(state)), false, JSON.stringify(state));
    }
    const { extra: _extra, ...bare } = accept;
    assert.equal(await correctChannel(given, required({}, bare)), false, 'no terms');
  });

  it('doesn’t hide that the chain is unavailable', async () => {
    const unavailable = deps(async () => {
      throw new AppError('chain-unavailable', 'The chain is unavailable.');
    });
    const proven = required(proof('1', `0x${'11'.repeat(65)}`));
    await assert.rejects(correctChannel({ deps: unavailable }, proven), (error) =>
      isAppError(error, 'chain-unavailable'),
    );
  });
});
