/**
 * Verifies: the owner decides who may buy and which kinds of jobs are sold, before anything is paid, and buyers learn it
 * from the offer or a clear error.
 * Setup: the real service and gateway with a fake payment gate; settings that the test changes.
 * Fails if: a peer that the owner doesn't know gets an offer or a job, a refused job is paid, a past buyer can't ask for
 * its money, a known peer is forgotten by a restart, or a gateway keeps asking providers that refuse.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BUYERS_MAX, type ConsentSettings, createConsent } from '../../../main/core/provider/consent.ts';
import { CHANNEL_PATH, PAYMENT_HEADER } from '../../../main/ports/payments.ts';
import { BATCH_JOB_HEADER, MODELS_PATH, OFFER_PATH, REFERENCES_PATH } from '../../../shared/wire.ts';
import { OFFERED as CHEAP, createFakeGateway, createFakeProvider } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { encode } from '../../fakes/payment-gate.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { ask, refused, setUp } from './provider-setup.ts';

const OWN = 'own';
const ALL: ConsentSettings = { marketOn: true, sellTo: 'anybody', knownPeers: [], categoriesOff: [] };

function consentOf(first: Partial<ConsentSettings> = {}, records = createMemoryRecordStore()) {
  const settings = { ...ALL, ...first };
  return {
    settings,
    records,
    consent: createConsent({ settings: () => settings, records, isOwn: (peer) => peer === OWN }),
  };
}

/** A provider with this consent; `from` is the requester of a request. */
async function open(first: Partial<ConsentSettings> = {}) {
  const parts = consentOf(first);
  const provider = await setUp({ consent: parts.consent });
  const from = (peer: string, body: object = ask(), headers: Record<string, string> = {}) =>
    provider.post(body, { headers: { 'x-peer-id': peer, ...headers } });
  const finish = async (peer: string) => {
    const answer = from(peer);
    const run = await provider.engine.next();
    run.start(3);
    run.text('Hi', 1);
    run.end('stop');
    assert.equal((await answer).status, 200);
  };
  return { ...provider, ...parts, from, finish };
}

describe('the owner’s choice of buyers', () => {
  it('is anybody by default, and nobody but listed peers and this machine if the owner wants that', async () => {
    const { settings, consent } = consentOf();
    consent.checkBuyer('stranger');
    Object.assign(settings, { sellTo: 'listed', knownPeers: ['friend'] });
    consent.checkBuyer('friend');
    consent.checkBuyer(OWN);
    assert.throws(() => consent.checkBuyer('stranger'), { code: 'not-accepted' });
  });

  it('is nobody but this machine while the market is off, whoever is known', () => {
    const { settings, consent } = consentOf({ marketOn: false, knownPeers: ['friend'] });
    for (const sellTo of ['anybody', 'known', 'listed'] as const) {
      settings.sellTo = sellTo;
      assert.throws(() => consent.checkBuyer('friend'), { code: 'not-accepted' }, sellTo);
      consent.checkBuyer(OWN);
    }
  });

  it('includes peers that have paid here before, over a restart, too', async () => {
    const { settings, finish, from, records, gate } = await open();
    await finish('regular');
    settings.sellTo = 'known';
    await finish('regular');
    const paid = gate.settles.length;
    await refused(await from('stranger'), 403, { code: 'buyer_not_accepted' });
    assert.equal(gate.settles.length, paid);
    assert.deepEqual([...gate.busy], [], 'no payment was taken');
    const restarted = consentOf({ sellTo: 'known' }, records).consent;
    restarted.checkBuyer('regular');
    assert.throws(() => restarted.checkBuyer('stranger'), { code: 'not-accepted' });
    settings.sellTo = 'listed';
    await refused(await from('regular'), 403, { code: 'buyer_not_accepted' });
  });

  it('applies to all that is said about the offer and to deposits, and not to questions about past jobs', async () => {
    const { service } = await open({ sellTo: 'listed' });
    const headers = { 'x-peer-id': 'stranger' };
    for (const path of [OFFER_PATH, REFERENCES_PATH, MODELS_PATH, `${MODELS_PATH}/any`]) {
      assert.equal((await service.app.request(path, { headers })).status, 403, path);
    }
    const channel = (kind: 'deposit' | 'refund') => {
      const chainWork = { kind, isPaidFor: false };
      const payment = encode({ channelId: 'c', payer: 'p', most: '0', chainWork });
      return service.app.request(CHANNEL_PATH, {
        method: 'POST',
        headers: { ...headers, [PAYMENT_HEADER]: payment },
      });
    };
    await refused(await channel('deposit'), 403, { code: 'buyer_not_accepted' });
    assert.equal((await channel('refund')).status, 200);
  });

  it('remembers a bounded number of buyers', () => {
    const { consent, records } = consentOf();
    for (let index = 0; index < BUYERS_MAX + 10; index += 1) consent.noteBuyer(`peer-${index}`);
    assert.equal(records.list('buyers').length, BUYERS_MAX);
  });
});

describe('kinds of jobs', () => {
  const tools = [{ type: 'function', function: { name: 'now', parameters: { type: 'object' } } }];
  const line = { [BATCH_JOB_HEADER]: '01234567-89ab-7def-8123-456789abcdef' };

  it('are refused before payment, with the kind in the error', async () => {
    const { settings, from, gate } = await open();
    const cases = [
      ['chat', ask(), {}],
      ['tools', ask({ tools }), {}],
      ['batch', ask(), line],
    ] as const;
    for (const [category, body, headers] of cases) {
      settings.categoriesOff = [category];
      await refused(await from('buyer', body, headers), 403, { code: 'category_not_accepted' });
    }
    assert.deepEqual([gate.settles, [...gate.busy]], [[], []]);
  });

  it('that are left on are sold', async () => {
    const { finish, charged } = await open({ categoriesOff: ['tools', 'embeddings', 'batch'] });
    await finish('buyer');
    assert.equal(charged.length, 1);
  });
});

describe('a gateway', () => {
  it('asks no provider whose offer refuses such jobs, and says so if there is no other one', async () => {
    const hub = createFakeHub();
    const [selling, buying] = [await hub.createNetwork(), await hub.createNetwork()];
    await selling.start();
    await buying.start();
    const provider = createFakeProvider(selling, { refuses: ['chat'] });
    await buying.connect(selling.addresses()[0] ?? '');
    const gateway = await createFakeGateway(buying);
    const response = await fetch(`${gateway.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.key}` },
      body: JSON.stringify(ask({ model: CHEAP.id })),
    });
    assert.equal(response.status, 503);
    assert.match(await response.text(), /No provider of that model sells such jobs \(chat\)/);
    assert.equal(provider.jobs.all().length, 0);
    await gateway.stop();
    await Promise.all([selling.stop(), buying.stop()]);
  });
});
