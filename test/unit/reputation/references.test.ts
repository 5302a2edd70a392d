/**
 * Verifies: a provider that this buyer doesn't know has credit for what payers paid it who also paid providers that this
 *   buyer knows, and asking for references costs little, also among strangers without number.
 * Setup: the real module with a fake network and chain, and a clock that the test moves.
 * Fails if: a thousand peers with one address multiply its credit, a ring of peers gains any, a flood of providers is
 *   asked without limit, a restart forgets, or what was counted once counts again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReferences } from '../../../main/core/reputation/index.ts';
import type { PaidReference } from '../../../main/ports/references.ts';
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { REFERENCES_PATH } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const DAY_MS = 86_400_000;
const USDC = 1_000_000;
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** `paid`: the claims on the chain, by payout address and payer. Each provider `x` has the address `0xx`. */
function setUp(
  paid: Record<string, Record<string, number>>,
  { known = [] as string[], records = createMemoryRecordStore() } = {},
) {
  const clock = manualClock(1_700_000_000_000);
  const asked: string[] = [];
  const retired = new Set<string>();
  const log = createRecordingLog();
  const references = createReferences({
    async fetch(peer, path) {
      assert.equal(path, REFERENCES_PATH);
      asked.push(peer);
      if (peer === 'away') throw new AppError('peer-unreachable', 'away');
      return Response.json([]);
    },
    read: async (payout) =>
      Object.entries(paid[payout] ?? {}).map(
        ([payer, claimed]): PaidReference => ({
          channelId: `${payout}-${payer}`,
          payer,
          claimed: amount(claimed),
        }),
      ),
    ...{
      records,
      clock,
      log,
      isKnown: (peer) => known.includes(peer),
      isRetired: (peer) => retired.has(peer),
    },
  });
  return {
    ...{ clock, asked, retired, references, records, log },
    async consider(peer: string, payout = `0x${peer}`) {
      references.consider({ peer, payout });
      for (let turn = 0; turn < 20; turn += 1) await settled();
    },
  };
}

test('a payer speaks for a provider as far as it also paid one that this buyer knows', async () => {
  const paid = { '0xgood': { ann: 3 * USDC }, '0xnew': { ann: USDC, bob: 50 * USDC } };
  const { consider, references } = setUp(paid, { known: ['good'] });
  await consider('new');
  assert.equal(references.creditOf('new'), 0, 'nothing is known of its payers');
  await consider('good');
  assert.equal(references.creditOf('new'), USDC, 'ann speaks for it, bob doesn’t');
  assert.equal(references.creditOf('good'), 0, 'own experience counts there');
});

test('a ring gains nothing, and one address has its credit once', async () => {
  const ring = Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [`0xring${index}`, { [`0xring${(index + 1) % 8}`]: 99 * USDC }]),
  );
  const { consider, references } = setUp(
    { ...ring, '0xgood': { ann: USDC }, '0xmany': { ann: USDC } },
    { known: ['good'] },
  );
  await consider('good');
  for (let index = 0; index < 8; index += 1) await consider(`ring${index}`);
  for (const name of ['many1', 'many2', 'many3']) await consider(name, '0xMANY');
  const credits = ['ring0', 'ring5', 'many1', 'many2', 'many3'].map(references.creditOf);
  assert.deepEqual(credits, [0, 0, USDC, 0, 0]);
});

test('an address speaks for the next peer of an owner who has changed the key', async () => {
  const { clock, consider, references, retired } = setUp(
    { '0xgood': { ann: USDC }, '0xold': { ann: USDC } },
    { known: ['good'] },
  );
  await consider('good');
  await consider('old');
  clock.advance(DAY_MS);
  retired.add('old');
  await consider('next', '0xold');
  assert.equal(references.creditOf('old'), 0);
  assert.ok(references.creditOf('next') > 0.9 * USDC);
});

test('a flood of providers is asked at its pace, and one that this buyer knows comes first', async () => {
  const { asked, clock, consider } = setUp({}, { known: ['good'] });
  for (let index = 0; index < 1_000; index += 1) await consider(`p${index}`);
  assert.equal(asked.length, 20);
  await consider('good');
  clock.advance(3_660_000);
  for (let turn = 0; turn < 200; turn += 1) await settled();
  assert.equal(asked.length, 40);
  assert.equal(asked[20], 'good');
});

test('a claim counts once, ages, is looked up once a day, and survives a restart', async () => {
  const paid = { '0xgood': { ann: 9 * USDC }, '0xnew': { ann: USDC } };
  const first = setUp(paid, { known: ['good'] });
  await first.consider('good');
  await first.consider('new');
  await first.consider('new');
  assert.deepEqual(first.asked, ['good', 'new']);
  first.clock.advance(30 * DAY_MS);
  paid['0xnew'].ann += USDC;
  await first.consider('new');
  const credit = first.references.creditOf('new');
  assert.ok(Math.abs(credit - 1.5 * USDC) < 1, `half of the first, all of the second: ${credit}`);
  const second = setUp(paid, { known: ['good'], records: first.records });
  second.clock.advance(30 * DAY_MS);
  assert.ok(Math.abs(second.references.creditOf('new') - 1.5 * USDC) < 1);
});

test('a provider that doesn’t answer is asked again after a day, and nothing is reported as an error', async () => {
  const { asked, clock, consider, log } = setUp({});
  await consider('away');
  await consider('away');
  assert.equal(asked.length, 1);
  clock.advance(DAY_MS);
  await consider('other');
  await consider('away');
  assert.deepEqual(asked, ['away', 'other', 'away']);
  assert.deepEqual(new Set(log.lines.map(({ level }) => level)), new Set(['debug']));
});
