/**
 * Verifies: a reference of a provider counts only as far as the chain confirms it.
 * Setup: a paid job, claimed on a real local chain; the channels that the provider shows, unchanged and changed.
 * Fails if: a payment to another address counts, an amount or a payer can be made up, or the list is read without limit.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createReferenceReader, shownReferences } from '../../main/adapters/x402/index.ts';
import { REFERENCES_MAX, type ReadReferences, type ShownReference } from '../../main/ports/references.ts';
import { buy, openMarket, reach } from './paid-service.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-references-'));
let market: Awaited<ReturnType<typeof openMarket>>;
let read: ReadReferences;
let shown: readonly ShownReference[];
let payout: string;

before(async () => {
  market = await openMarket(folder);
  const { provider, requester, service, chain } = market;
  read = createReferenceReader(provider.node, chain.network);
  payout = provider.gate.payout;
  assert.deepEqual(shownReferences(provider.channels), [], 'nothing was claimed yet');
  await buy(requester, reach(service));
  await provider.settlement.settleNow();
  shown = shownReferences(provider.channels);
});

after(async () => {
  await market.service.close();
  await market.chain.stop();
  rmSync(folder, { recursive: true });
});

test('the chain confirms the payer and the amount of a channel that was claimed', async () => {
  const received = JSON.parse(JSON.stringify(shown));
  const found = await read(payout, received);
  assert.deepEqual(
    found.map(({ payer, claimed }) => ({ payer, claimed })),
    [{ payer: market.requester.accounts.funds.address.toLowerCase(), claimed: market.service.charge }],
  );
});

test('another payer, another salt, or a payment to another address count nothing', async () => {
  const [terms] = shown;
  assert.ok(terms);
  const other = `0x${'5'.repeat(40)}`;
  const changed = [
    { ...terms, payer: other },
    { ...terms, salt: `0x${'7'.repeat(64)}` },
    { ...terms, receiver: other },
  ];
  assert.deepEqual(await read(payout, changed), []);
  assert.deepEqual(await read(other, shown), [], 'the channel pays somebody else');
  const twice = [terms, { ...terms, payer: String(terms.payer).toUpperCase().replace('0X', '0x') }];
  assert.equal((await read(payout, twice)).length, 1, 'one channel counts once');
});

test('anything but a short list of channels is refused', async () => {
  const [terms] = shown;
  const late = { ...terms, withdrawDelay: 2 ** 50 };
  const long = Array(REFERENCES_MAX + 1).fill(terms);
  for (const odd of [null, {}, 'x', [1], [{ ...terms, payer: 'x' }], [late], long]) {
    await assert.rejects(read(payout, odd), { code: 'bad-request' });
  }
});
