/**
 * Verifies: a good name moves to a new key if the former key and its payout address say so, a revoked key is worth
 * nothing, and nobody else can do either.
 * Setup: real keys and signatures, a buyer's experience over a record store, offers as they are read from the network.
 * Fails if: a name can be stolen, doubled, or lost by a restart, a bad name can be left behind, or a forged statement
 * counts.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import fc from 'fast-check';
import { createAccount } from '../../../main/adapters/ethers/index.ts';
import { createPeerKey } from '../../../main/adapters/libp2p/index.ts';
import {
  checkFormerPeers,
  createBindings,
  createOffers,
  leadingTo,
  readFormerPeers,
  readOffer,
  signRevocation,
  signSuccession,
} from '../../../main/core/identity/index.ts';
import { createExperience, noteIdentity } from '../../../main/core/reputation/index.ts';
import type { Account } from '../../../main/ports/evm.ts';
import type { PeerKey } from '../../../main/ports/network.ts';
import { isAppError } from '../../../shared/errors.ts';
import type { FormerPeer } from '../../../shared/identity.ts';
import { manualClock } from '../../fakes/clock.ts';
import { offerChecks } from '../../fakes/identity.ts';
import { OFFERED } from '../../fakes/market.ts';
import { FAKE_ASSET } from '../../fakes/payment-gate.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const NETWORK = 'eip155:31337';
const NOW_MS = Date.UTC(2026, 0, 1);
const DELIVERED = { kind: 'delivered', tokensPerSecond: 50 } as const;
const account = (digit: string) => createAccount(`0x${digit.repeat(64)}`);
const makeKey = async () => createPeerKey(await generateKeyPair('Ed25519'));
const refused = (reason: string) => (error: unknown) =>
  isAppError(error, 'bad-request') && error.details.reason === reason;

async function setUp() {
  const clock = manualClock(NOW_MS);
  const checks = offerChecks(clock);
  const records = createMemoryRecordStore();
  const experience = createExperience({ records, clock });
  const [old, next, thief] = [await makeKey(), await makeKey(), await makeKey()];
  const [wallet, thiefWallet] = [account('1'), account('2')];

  /** Reads the offer of this peer as a buyer does. */
  async function meet(key: PeerKey, payout: Account, formerPeers: readonly FormerPeer[] = []) {
    const bindings = createBindings({ key, clock, payout, network: NETWORK });
    const offers = createOffers({
      ...{ key, clock, bindings },
      terms: () => ({
        ...{ payout: payout.address, networks: [NETWORK], asset: FAKE_ASSET, models: [OFFERED], slots: 1 },
        formerPeers: [...formerPeers],
      }),
    });
    noteIdentity(experience, await readOffer((await offers.current()).jws, key.peer, checks));
  }
  const buy = (key: PeerKey, times: number) => {
    for (let index = 0; index < times; index += 1) experience.noteEnd(key.peer, OFFERED.sha256, DELIVERED);
  };
  const seen = (key: PeerKey) => Math.round(experience.of(key.peer, OFFERED.sha256).seen);
  return { clock, checks, records, experience, old, next, thief, wallet, thiefWallet, meet, buy, seen };
}

describe('a good name', () => {
  it('moves to the new key, and the former one is refused from then on, over a restart, too', async () => {
    const { clock, records, experience, old, next, wallet, meet, buy, seen } = await setUp();
    await meet(old, wallet);
    buy(old, 20);
    const { standing } = experience.of(old.peer, OFFERED.sha256);
    await meet(next, wallet, [await signSuccession(old, wallet, next.peer, NOW_MS)]);
    assert.equal(experience.of(next.peer, OFFERED.sha256).standing, standing);
    assert.equal(experience.of(next.peer, OFFERED.sha256).tokensPerSecond, 50);
    assert.equal(seen(old), 0);
    await assert.rejects(meet(old, wallet), refused('retired'));
    experience.save();
    const restarted = createExperience({ records, clock });
    assert.equal(restarted.of(next.peer, OFFERED.sha256).standing, standing);
    assert.equal(restarted.isRetired(old.peer), true);
  });

  it('moves once, however often the statement is seen', async () => {
    const { old, next, wallet, meet, buy, seen } = await setUp();
    await meet(old, wallet);
    buy(old, 20);
    const statement = await signSuccession(old, wallet, next.peer, NOW_MS);
    for (let index = 0; index < 3; index += 1) await meet(next, wallet, [statement]);
    assert.equal(seen(next), 20);
  });

  it('takes its failures along', async () => {
    const { experience, old, next, wallet, meet } = await setUp();
    await meet(old, wallet);
    for (let index = 0; index < 5; index += 1)
      experience.noteEnd(old.peer, OFFERED.sha256, { kind: 'failed' });
    const { failureRate } = experience.of(old.peer, OFFERED.sha256);
    await meet(next, wallet, [await signSuccession(old, wallet, next.peer, NOW_MS)]);
    assert.equal(experience.of(next.peer, OFFERED.sha256).failureRate, failureRate);
  });

  it('moves over several keys that this buyer never met', async () => {
    const { old, next, thief: middle, wallet, meet, buy, seen } = await setUp();
    await meet(old, wallet);
    buy(old, 20);
    await meet(next, wallet, [
      await signSuccession(old, wallet, middle.peer, NOW_MS),
      await signSuccession(middle, wallet, next.peer, NOW_MS),
    ]);
    assert.equal(seen(middle), 0);
    assert.equal(seen(next), 20);
  });

  it('isn’t moved by whoever has the former key alone', async () => {
    const { old, thief, wallet, thiefWallet, meet, buy, seen } = await setUp();
    await meet(old, wallet);
    buy(old, 20);
    // The thief binds the stolen key to an address of its own first.
    await meet(old, thiefWallet);
    await meet(thief, thiefWallet, [await signSuccession(old, thiefWallet, thief.peer, NOW_MS)]);
    assert.equal(seen(thief), 0);
    assert.equal(seen(old), 20);
  });

  it('isn’t moved by the address alone', async () => {
    const { old, thief, wallet, meet } = await setUp();
    const forged = await signSuccession({ ...thief, peer: old.peer }, wallet, thief.peer, NOW_MS);
    await assert.rejects(meet(thief, wallet, [forged]), refused('former-peer-signature'));
  });

  it('isn’t carried by another peer than the one that it was given to', async () => {
    const { old, next, thief, wallet, thiefWallet, meet } = await setUp();
    const statement = await signSuccession(old, wallet, next.peer, NOW_MS);
    await assert.rejects(meet(thief, thiefWallet, [statement]), refused('former-peer-another-peer'));
  });
});

describe('a stolen key', () => {
  it('is worth nothing after a revocation, although the thief has bound it to an address of its own', async () => {
    const { old, next, wallet, thiefWallet, meet, buy, seen } = await setUp();
    await meet(old, wallet);
    buy(old, 20);
    await meet(old, thiefWallet);
    await meet(next, wallet, [await signRevocation(old.peer, wallet, NOW_MS)]);
    assert.deepEqual([seen(old), seen(next)], [0, 0]);
    await assert.rejects(meet(old, thiefWallet), refused('retired'));
  });

  it('isn’t revoked by an address that it was never bound to', async () => {
    const { old, thief, wallet, thiefWallet, meet, buy, seen } = await setUp();
    await meet(old, wallet);
    buy(old, 20);
    await meet(thief, thiefWallet, [await signRevocation(old.peer, thiefWallet, NOW_MS)]);
    assert.equal(seen(old), 20);
    const forged = { ...(await signRevocation(old.peer, thiefWallet, NOW_MS)), payout: wallet.address };
    await assert.rejects(meet(thief, thiefWallet, [forged]), refused('former-peer-signature'));
  });
});

describe('statements about former peers', () => {
  it('are refused when anything in them was changed', async () => {
    const { checks, old, next, wallet } = await setUp();
    const statement = await signSuccession(old, wallet, next.peer, NOW_MS);
    const texts = fc.record({
      field: fc.constantFrom('peer', 'payout', 'walletSignature', 'peerSignature', 'successor'),
      text: fc.oneof(fc.string(), fc.constant(next.peer), fc.constant(`0x${'3'.repeat(40)}`)),
    });
    await fc.assert(
      fc.asyncProperty(texts, async ({ field, text }) => {
        fc.pre(statement[field as keyof FormerPeer] !== text);
        const bent = { ...statement, [field]: text };
        await assert.rejects(checkFormerPeers([bent], next.peer, checks), (error) =>
          isAppError(error, 'bad-request'),
        );
      }),
    );
    const later = { ...statement, atSeconds: statement.atSeconds + 1 };
    await assert.rejects(checkFormerPeers([later], next.peer, checks), refused('former-peer-signature'));
    await checkFormerPeers([statement], next.peer, checks);
  });

  it('of an interrupted change of keys are left out of offers', async () => {
    const { old, next, thief: lost, wallet } = await setUp();
    const interrupted = await signSuccession(old, wallet, lost.peer, NOW_MS);
    const done = await signSuccession(old, wallet, next.peer, NOW_MS);
    assert.deepEqual(leadingTo([interrupted], old.peer), []);
    assert.deepEqual(leadingTo([interrupted, done], next.peer), [done]);
    const revoked = await signRevocation(old.peer, wallet, NOW_MS);
    assert.deepEqual(leadingTo([revoked], next.peer), [revoked]);
  });

  it('are stored as text; a damaged file is noticed', async () => {
    const { old, next, wallet } = await setUp();
    const statement = await signSuccession(old, wallet, next.peer, NOW_MS);
    assert.deepEqual(readFormerPeers(JSON.stringify([statement])), [statement]);
    for (const text of ['', '{}', '[{}]', JSON.stringify([{ ...statement, atSeconds: -1 }])])
      assert.equal(readFormerPeers(text), null);
  });
});
