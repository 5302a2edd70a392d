/**
 * Verifies: a value from outside that zod can't check without throwing is malformed, wherever it is read.
 * Setup: a list's `length` that is an object which can't become a number, in each kind of message of a stranger.
 * Fails if: such a value causes an unexpected failure, or zod is fixed, which makes checkShape unnecessary.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { z } from 'zod';
import { createPeerKey, verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { readChunk } from '../../../main/core/gateway/provider-errors.ts';
import { checkReceipt } from '../../../main/core/gateway/receipt-check.ts';
import { readOffer } from '../../../main/core/identity/index.ts';
import { PAID_ENDPOINTS } from '../../../main/core/openai-http/index.ts';
import { checkShape } from '../../../shared/check-shape.ts';
import { isAppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';
import { offerChecks } from '../../fakes/identity.ts';

const ODD = { length: { toString: null } };

describe('a length that is no number', () => {
  it('still makes zod itself throw', () => {
    for (const schema of [z.string().max(1), z.array(z.unknown()).max(1)]) {
      assert.throws(() => schema.safeParse(ODD), TypeError);
      assert.equal(checkShape(schema, ODD).success, false);
    }
  });

  for (const { path, read } of PAID_ENDPOINTS) {
    it(`is refused in a request to ${path}`, () => {
      assert.throws(
        () => read({ model: ODD, messages: ODD, prompt: ODD, input: ODD, max_tokens: 1 }),
        (error) => isAppError(error, 'bad-request'),
      );
    });
  }

  it('is refused in an offer, a receipt and an answer', async () => {
    const key = await createPeerKey(await generateKeyPair('Ed25519'));
    const jws = await key.sign({ peer: ODD, job: ODD, networks: ODD, models: ODD });
    await assert.rejects(readOffer(jws, key.peer, offerChecks(manualClock(0))), (error) =>
      isAppError(error, 'bad-request'),
    );
    const expected = { peer: key.peer } as Parameters<typeof checkReceipt>[1];
    await assert.rejects(checkReceipt(jws, expected, verifySigned), (error) =>
      isAppError(error, 'receipt-refused'),
    );
    const chunk = readChunk(JSON.stringify({ id: ODD, created: 1, model: 'm', choices: ODD }), key.peer);
    assert.ok(isAppError(chunk, 'engine-failed'));
  });
});
