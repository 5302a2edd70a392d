/**
 * Verifies: a peer key and a payout address are bound to each other only if both have signed it and it holds now, and the
 * binding is a verifiable credential that others' software accepts.
 * Setup: real keys of both kinds; did-jwt-vc with the resolvers of did:key and did:pkh, and viem's EIP-712 as independent
 * implementations.
 * Fails if: somebody else's address or peer can be claimed, an expired binding counts, malformed ones end in anything but
 * a refusal, or the credential is one in name only.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { verifyCredential } from 'did-jwt-vc';
import { Resolver } from 'did-resolver';
import fc from 'fast-check';
import { getResolver as keyResolver } from 'key-did-resolver';
import { getResolver as pkhResolver } from 'pkh-did-resolver';
import { type Hex, verifyTypedData as verifyByViem } from 'viem';
import { createAccount } from '../../../main/adapters/ethers/index.ts';
import { createPeerKey, verifySigned } from '../../../main/adapters/libp2p/index.ts';
import {
  type BoundParties,
  checkBinding,
  createBindings,
  createOffers,
  readOffer,
} from '../../../main/core/identity/index.ts';
import { bindingStatement } from '../../../main/core/identity/statements.ts';
import { isAppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';
import { offerChecks } from '../../fakes/identity.ts';
import { OFFERED } from '../../fakes/market.ts';
import { FAKE_ASSET } from '../../fakes/payment-gate.ts';

const NETWORK = 'eip155:8453';
const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 1);

async function setUp() {
  const clock = manualClock(START_MS);
  const [key, otherKey] = await Promise.all([makeKey(), makeKey()]);
  const [payout, otherPayout] = [account('1'), account('2')];
  const bindings = createBindings({ key, clock, payout, network: NETWORK });
  const parties: BoundParties = { peer: key.peer, payout: payout.address, networks: [NETWORK] };
  const checks = offerChecks(clock);
  const check = (jws: string, of = parties) => checkBinding(jws, of, checks);
  return { clock, key, otherKey, payout, otherPayout, bindings, parties, check };
}

const makeKey = async () => createPeerKey(await generateKeyPair('Ed25519'));
const account = (digit: string) => createAccount(`0x${digit.repeat(64)}`);
const refused = (reason: string) => (error: unknown) =>
  isAppError(error, 'bad-request') && error.details.reason === `binding-${reason}`;

async function current(bindings: ReturnType<typeof createBindings>): Promise<string> {
  const jws = await bindings.current();
  assert.ok(jws !== null);
  return jws;
}

describe('a binding', () => {
  it('holds for its peer and its address, and for nobody else', async () => {
    const { bindings, parties, otherKey, otherPayout, check } = await setUp();
    const jws = await current(bindings);
    await check(jws);
    await check(jws, { ...parties, payout: parties.payout.toLowerCase(), networks: ['eip155:1', NETWORK] });
    await assert.rejects(check(jws, { ...parties, peer: otherKey.peer }), refused('signature'));
    await assert.rejects(check(jws, { ...parties, payout: otherPayout.address }), refused('another-address'));
    await assert.rejects(check(jws, { ...parties, networks: ['eip155:1'] }), refused('another-address'));
  });

  it('needs the signature of the address itself, for this peer and these times', async () => {
    const { key, otherKey, payout, otherPayout, parties, check, clock } = await setUp();
    const foreign = { address: payout.address, signTypedData: otherPayout.signTypedData };
    const claimed = createBindings({ key, clock, payout: foreign, network: NETWORK });
    await assert.rejects(check(await current(claimed)), refused('wallet-signature'));
    const honest = await verifySigned(
      await current(createBindings({ key, clock, payout, network: NETWORK })),
      key.peer,
    );
    const { vc, exp, ...claims } = honest as { exp: number; vc: { credentialSubject: object } };
    const longer = await key.signCredential({ ...claims, vc, exp: exp + 60 });
    await assert.rejects(check(longer), refused('wallet-signature'));
    const credentialSubject = { ...vc.credentialSubject, peer: otherKey.peer };
    const copied = { ...claims, exp, iss: otherKey.did, vc: { ...vc, credentialSubject } };
    const thief = { ...parties, peer: otherKey.peer };
    await assert.rejects(check(await otherKey.signCredential(copied), thief), refused('wallet-signature'));
  });

  it('is renewed at half of its time, ends with it, and is never longer than a month', async () => {
    const { bindings, clock, check, key, payout } = await setUp();
    const first = await current(bindings);
    clock.advance(11 * HOUR_MS);
    assert.equal(await bindings.current(), first);
    clock.advance(2 * HOUR_MS);
    const second = await current(bindings);
    assert.notEqual(second, first);
    clock.advance(11 * HOUR_MS);
    await assert.rejects(check(first), refused('expired'));
    await check(second);
    const lifetimeMs = 32 * 24 * HOUR_MS;
    const eternal = createBindings({ key, clock, payout, network: NETWORK, lifetimeMs });
    await assert.rejects(check(await current(eternal)), refused('lifetime'));
    const ahead = manualClock(clock.now() + HOUR_MS);
    const early = createBindings({ key, clock: ahead, payout, network: NETWORK });
    await assert.rejects(check(await current(early)), refused('not-yet'));
  });

  it('is signed again when the time of day jumped', async () => {
    const { bindings, clock, check } = await setUp();
    await current(bindings);
    clock.setTimeBy(-24 * HOUR_MS);
    await check(await current(bindings));
  });

  it('of a contract wallet counts as none while the chain can’t be asked, and the offer stays readable', async () => {
    const { key, clock, payout, otherPayout } = await setUp();
    const contract = { ...payout, signTypedData: otherPayout.signTypedData };
    const offers = createOffers({
      ...{ key, clock, bindings: createBindings({ key, clock, payout: contract, network: NETWORK }) },
      terms: () => ({
        ...{ payout: payout.address, networks: [NETWORK], asset: FAKE_ASSET, models: [OFFERED], slots: 1 },
      }),
    });
    const { jws, offer } = await offers.current();
    assert.ok(offer.binding !== null);
    const read = (result: 'accepted' | 'refused' | 'unknown') =>
      readOffer(jws, key.peer, { ...offerChecks(clock), verifyByContract: async () => result });
    assert.equal((await read('accepted')).binding, offer.binding);
    assert.equal((await read('unknown')).binding, null);
    await assert.rejects(read('refused'), refused('wallet-signature'));
  });

  it('doesn’t exist without the key of the address', async () => {
    const { key, clock } = await setUp();
    assert.equal(await createBindings({ key, clock, payout: null, network: NETWORK }).current(), null);
  });
});

describe('a malformed binding', () => {
  it('is refused, and nothing else happens, whatever its claims are', async () => {
    const { key, parties, check, bindings } = await setUp();
    const honest = (await verifySigned(await current(bindings), key.peer)) as Record<string, unknown>;
    const vc = honest.vc as Record<string, unknown>;
    const patches = fc.oneof(
      fc.record({ where: fc.constantFrom(...Object.keys(honest)), value: fc.jsonValue() }),
      fc.record({ where: fc.constantFrom('credentialSubject', 'evidence', 'type'), value: fc.jsonValue() }),
    );
    await fc.assert(
      fc.asyncProperty(patches, async ({ where, value }) => {
        const before = where in honest ? honest[where] : vc[where];
        fc.pre(JSON.stringify(value) !== JSON.stringify(before));
        const claims =
          where in honest ? { ...honest, [where]: value } : { ...honest, vc: { ...vc, [where]: value } };
        await assert.rejects(check(await key.signCredential(claims)), (error) =>
          isAppError(error, 'bad-request'),
        );
      }),
      { numRuns: 200 },
    );
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 200 }), async (text) => {
        await assert.rejects(check(text, parties), (error) => isAppError(error, 'bad-request'));
      }),
    );
  });
});

describe('a binding as a verifiable credential', () => {
  const resolver = new Resolver({ ...keyResolver(), ...pkhResolver() });

  it('is accepted by an independent library, which finds peer and address in it', async () => {
    const { bindings, key, payout } = await setUp();
    const jws = await current(bindings);
    const policies = { now: START_MS / 1_000 };
    const { verifiableCredential: credential, ...verified } = await verifyCredential(jws, resolver, {
      policies,
    });
    assert.equal(verified.verified, true);
    assert.equal(credential.issuer.id, key.did);
    assert.equal(credential.credentialSubject.peer, key.peer);
    const subject = await resolver.resolve(String(credential.credentialSubject.id));
    assert.deepEqual(
      subject.didDocument?.verificationMethod?.map(({ blockchainAccountId }) => blockchainAccountId),
      [`${NETWORK}:${payout.address}`],
    );
    const late = { now: START_MS / 1_000 + 100_000 };
    await assert.rejects(verifyCredential(jws, resolver, { policies: late }), /expired/);
  });

  it('is refused by it when a character was changed', async () => {
    const { bindings } = await setUp();
    const jws = await current(bindings);
    const at = jws.indexOf('.') + 20;
    const bent = `${jws.slice(0, at)}${jws[at] === 'A' ? 'B' : 'A'}${jws.slice(at + 1)}`;
    await assert.rejects(verifyCredential(bent, resolver, { policies: { now: START_MS / 1_000 } }));
  });

  it('holds a signature of typed data that another library accepts', async () => {
    const { bindings, key, payout } = await setUp();
    const claims = await verifySigned(await current(bindings), key.peer);
    const { nbf, exp, vc } = claims as { nbf: number; exp: number; vc: { evidence: { signature: Hex }[] } };
    const terms = { peer: key.peer, payout: payout.address, fromSeconds: nbf, untilSeconds: exp };
    const statement = bindingStatement(terms) as unknown as Parameters<typeof verifyByViem>[0];
    const signature = vc.evidence[0]?.signature ?? '0x';
    assert.equal(await verifyByViem({ ...statement, address: payout.address, signature }), true);
  });
});
