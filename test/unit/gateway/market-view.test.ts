/**
 * Verifies: the list of what can be bought names the provider that the gateway would try first, and leaves out offers in
 *   other money.
 * Setup: the pure function with offers of three providers.
 * Fails if: a more expensive provider is shown, or an offer that isn't accepted is counted.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { marketView } from '../../../main/core/gateway/index.ts';
import type { Offer } from '../../../shared/offer.ts';

const ASSET = { id: 'eip155:8453/0x1', symbol: 'USDC', decimals: 6, practice: false };

function provider(
  peer: string,
  output: string,
  changed: { asset?: string; speed?: number | null; model?: string } = {},
) {
  const offer: Offer = {
    peer,
    payout: `0x${'1'.repeat(40)}`,
    binding: null,
    networks: ['eip155:8453'],
    asset: { ...ASSET, id: changed.asset ?? ASSET.id },
    models: [
      {
        id: changed.model ?? 'model-a',
        sha256: 'a'.repeat(64),
        quantisation: 'Q4',
        contextTokens: 8192,
        price: { inputPerMillion: '10', outputPerMillion: output },
        prefillTokensPerSecond: null,
        decodeTokensPerSecond: changed.speed ?? null,
      },
    ],
    slots: 1,
    issuedAtMs: 0,
    expiresAtMs: 1,
  };
  return { peer, offer };
}

const accepts = (offer: Offer) => offer.asset.id === ASSET.id;

test('each model has its cheapest accepted provider, and the faster of two at the same price', () => {
  const seen = marketView(
    [
      provider('dear', '9000000'),
      provider('slow', '8000000', { speed: 5 }),
      provider('fast', '8000000', { speed: 50 }),
      provider('foreign', '1', { asset: 'eip155:1/0x9' }),
      provider('other', '7', { model: 'model-b' }),
    ],
    accepts,
  );
  assert.deepEqual(
    seen.map(({ model, providers, peer, decodeTokensPerSecond }) => [
      model,
      providers,
      peer,
      decodeTokensPerSecond,
    ]),
    [
      ['model-a', 3, 'fast', 50],
      ['model-b', 1, 'other', null],
    ],
  );
});

test('a model that only unaccepted offers contain is left out', () => {
  assert.deepEqual(marketView([provider('foreign', '1', { asset: 'eip155:1/0x9' })], accepts), []);
});
