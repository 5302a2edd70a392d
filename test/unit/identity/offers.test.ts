/**
 * Verifies: an offer identifies its peer, is valid for minutes, and is rejected if anything in it is wrong.
 * Setup: real signatures, a clock that the test moves.
 * Fails if: a stale price is accepted, an offer is attributed to another peer.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { createPeerKey } from '../../../main/adapters/libp2p/index.ts';
import { createOffers, readOffer } from '../../../main/core/identity/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import type { Offer } from '../../../shared/offer.ts';
import { manualClock } from '../../fakes/clock.ts';
import { offerChecks, UNBOUND } from '../../fakes/identity.ts';
import { OFFERED } from '../../fakes/market.ts';
import { FAKE_ASSET, FAKE_PAYOUT } from '../../fakes/payment-gate.ts';

const clock = manualClock(1_000_000);
const key = await createPeerKey(await generateKeyPair('Ed25519'));
const other = await createPeerKey(await generateKeyPair('Ed25519'));
const checks = offerChecks(clock);
let slots = 1;
const offers = createOffers({
  key,
  clock,
  lifetimeMs: 60_000,
  terms: () => ({
    payout: FAKE_PAYOUT,
    networks: ['eip155:31337'],
    asset: FAKE_ASSET,
    models: [OFFERED],
    slots,
  }),
  bindings: UNBOUND,
});

const refusedBecause = (reason: string) => (error: unknown) =>
  isAppError(error, 'bad-request') && error.details.reason === reason;

async function signedBy(signer: typeof key, patch: Partial<Offer>): Promise<string> {
  const { offer } = await offers.current();
  return signer.sign({ ...offer, ...patch });
}

describe('offers', () => {
  it('are signed once, and renewed at half their lifetime and immediately when the terms change', async () => {
    const first = await offers.current();
    assert.equal(first, await offers.current());
    assert.deepEqual(await readOffer(first.jws, key.peer, checks), first.offer);
    clock.advance(30_000);
    const second = await offers.current();
    assert.notEqual(second.jws, first.jws);
    slots = 2;
    assert.equal((await offers.current()).offer.slots, 2);
  });

  it('are rejected when expired or from the future', async () => {
    const { jws } = await offers.current();
    clock.advance(60_000);
    await assert.rejects(readOffer(jws, key.peer, checks), refusedBecause('expired'));
    const nowMs = clock.now();
    const early = await signedBy(key, { issuedAtMs: nowMs + 3_600_000, expiresAtMs: nowMs + 3_700_000 });
    await assert.rejects(readOffer(early, key.peer, checks), refusedBecause('not-yet'));
    const eternal = await signedBy(key, { expiresAtMs: nowMs + 10 ** 12 });
    await assert.rejects(readOffer(eternal, key.peer, checks), refusedBecause('not-yet'));
  });

  it('are rejected when another peer signed them or is named in them', async () => {
    const stolen = await signedBy(other, {});
    await assert.rejects(readOffer(stolen, key.peer, checks), (error) => isAppError(error, 'bad-request'));
    await assert.rejects(readOffer(stolen, other.peer, checks), refusedBecause('another-peer'));
  });

  it('are rejected when malformed', async () => {
    const odd = await signedBy(key, { slots: -1 });
    await assert.rejects(readOffer(odd, key.peer, checks), refusedBecause('malformed'));
  });
});
