/**
 * Verifies: a correct ledger passes; every difference from receipts, payment records or chain is named.
 * Setup: a ledger with a few jobs whose receipts a real peer key signed, a chain with answers from the test, and one
 * change at a time.
 * Fails if: a comparison is never made, a difference lacks its subject, a correct ledger is reported.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  createPeerKey,
  loadPeerKey,
  makePeerKey,
  verifySigned,
} from '../../../main/adapters/libp2p/index.ts';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { audit } from '../../../main/core/audit/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import type { ChainEvidence, SoldChannelRecord, TransactionEvidence } from '../../../main/ports/evidence.ts';
import type { FoldedJobs } from '../../../main/ports/jobs.ts';
import type { PeerKey } from '../../../main/ports/network.ts';
import type { Job } from '../../../shared/jobs.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Receipt } from '../../../shared/offer.ts';
import { manualClock } from '../../fakes/clock.ts';
import { soldJob } from '../jobs/job-samples.ts';

const TOKEN = 'eip155:31337/0x01';
const COIN = 'eip155:31337/native';
const CHANNEL = '0xch';
const ADDRESS = '0x00000000000000000000000000000000000000aa';
const PRICE = { inputPerMillion: '1000000', outputPerMillion: '2000000' };

let folder = '';
let key: PeerKey;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-audit-'));
  key = await createPeerKey(await loadPeerKey(folder));
});
after(() => rmSync(folder, { recursive: true }));

interface Scene {
  jobs: Job[];
  channel: SoldChannelRecord;
  onChain: { totalClaimed: bigint; claimed: bigint; settled: bigint; held: bigint };
  transactions: Record<string, Partial<TransactionEvidence> | null>;
  away: boolean;
  ownPeers: string[];
  addresses: string[];
  /** Jobs created before this time are folded; then this changes their sums. */
  foldBeforeMs: number;
  folded: (sums: readonly FoldedJobs[]) => readonly FoldedJobs[];
}

async function charged(
  id: string,
  cost: bigint,
  cumulative: bigint,
  changed: Partial<Receipt> = {},
): Promise<Job> {
  const receipt: Receipt = {
    job: id,
    peer: key.peer,
    modelSha256: 'a'.repeat(64),
    inputTokens: Number(cost - 2n),
    outputTokens: 1,
    price: PRICE,
    assetId: TOKEN,
    channelId: CHANNEL,
    charged: `${cost}`,
    cumulative: `${cumulative}`,
    tokenHash: 'b'.repeat(64),
    finishReason: 'stop',
    atMs: 1,
    ...changed,
  };
  return soldJob({
    id,
    state: 'charged',
    inputTokens: Number(cost - 2n),
    outputTokens: 1,
    charged: `${cost}`,
    cumulative: `${cumulative}`,
    endedAtMs: 5,
    receipt: await key.sign(receipt),
  });
}

/** Audits two jobs of 700 and 41, of which the first is claimed and paid out. `change` makes one thing wrong. */
async function auditOf(change: (scene: Scene) => void | Promise<void> = () => undefined) {
  const scene: Scene = {
    jobs: [await charged('a', 700n, 700n), await charged('b', 41n, 741n)],
    channel: { channelId: CHANNEL, receiver: ADDRESS, charged: amount(741), promised: amount(800) },
    onChain: { totalClaimed: 700n, claimed: 700n, settled: 700n, held: 700n },
    transactions: {
      '0xc': { claimed: new Map([[CHANNEL, amount(700)]]), fee: amount(9) },
      '0xp': { settled: amount(700), fee: amount(4) },
    },
    away: false,
    ownPeers: [key.peer],
    addresses: [ADDRESS],
    foldBeforeMs: 0,
    folded: (sums) => sums,
  };
  const database = openDatabase(':memory:');
  const ledger = createLedger({
    store: database.ledger,
    clock: manualClock(10),
    calendar: createCalendar('UTC'),
  });
  for (const job of scene.jobs) ledger.jobCharged(job);
  const channels = [{ channelId: CHANNEL, amount: amount(700) }];
  ledger.channelsClaimed({ txHash: '0xc', assetId: TOKEN, channels });
  ledger.networkFee({ txHash: '0xc', assetId: COIN, amount: amount(9) });
  ledger.paidOut({ txHash: '0xp', assetId: TOKEN, amount: amount(700) });
  ledger.networkFee({ txHash: '0xp', assetId: COIN, amount: amount(4) });
  await change(scene);
  for (const job of scene.jobs) database.jobs.insertEnded(job, [], 'settled');
  database.jobs.fold(scene.foldBeforeMs, 10);
  const { onChain } = scene;
  const evidence: ChainEvidence = {
    tokenId: TOKEN,
    coinId: COIN,
    channels: async (ids) =>
      new Map(ids.map((id) => [id, { balance: amount(900), totalClaimed: amount(onChain.totalClaimed) }])),
    receiver: async () => ({ claimed: amount(onChain.claimed), settled: amount(onChain.settled) }),
    transaction: async (hash) => {
      const found = scene.transactions[hash] ?? null;
      const none = new Map<string, Amount>();
      return found === null
        ? null
        : {
            succeeded: true,
            fee: amount(0),
            claimed: none,
            deposited: none,
            returned: none,
            settled: amount(0),
            ...found,
          };
    },
    held: async () => amount(onChain.held),
  };
  const result = await audit({
    ledger,
    problems: async () => ledger.problems(),
    jobs: () => [database.jobs.page('', 1000)],
    folded: scene.folded(database.jobs.folded()),
    findJob: (id) => database.jobs.find(id),
    soldChannels: [scene.channel],
    ownPeers: scene.ownPeers,
    verifySigned,
    chains: new Map([['eip155:31337', scene.away ? null : evidence]]),
    addresses: scene.addresses,
  });
  database.close();
  return result;
}

test('a correct ledger has no differences, and every balance with another source is rebuilt', async () => {
  const { differences, notes, balances, counted } = await auditOf();
  assert.deepEqual(differences, []);
  assert.deepEqual(notes, []);
  assert.deepEqual(counted, { entries: 6, receipts: 2, transactions: 4 });
  const rebuilt = Object.fromEntries(balances.map((row) => [`${row.account} ${row.assetId}`, row.rebuilt]));
  assert.equal(rebuilt[`income:jobs ${TOKEN}`], 741n);
  assert.equal(rebuilt[`channels:owed ${TOKEN}`], 41n);
  assert.equal(rebuilt[`contract:claimed ${TOKEN}`], 0n);
  assert.equal(rebuilt[`wallet ${TOKEN}`], 700n);
  assert.equal(rebuilt[`fees:network ${COIN}`], 13n);
});

test('receipts that this machine signed with a former key are valid, and those of an unknown key are not', async () => {
  const next = (await createPeerKey(await makePeerKey())).peer;
  const rotated = await auditOf((scene) => {
    scene.ownPeers = [next, key.peer];
  });
  assert.deepEqual([rotated.differences, rotated.counted.receipts], [[], 2]);
  const { differences } = await auditOf((scene) => {
    scene.ownPeers = [next];
  });
  assert.ok(differences.some(({ what }) => /signature of its receipt/.test(what)));
});

const cases: readonly [
  what: string,
  change: (scene: Scene) => void | Promise<void>,
  about: RegExp,
  message: RegExp,
][] = [
  [
    'a receipt that another key signed',
    async (scene) => {
      const job = scene.jobs[0];
      const [head, body] = job?.receipt?.split('.') ?? [];
      const other = (await charged('x', 5n, 5n)).receipt?.split('.')[2];
      if (job) scene.jobs[0] = { ...job, receipt: `${head}.${body}.${other}` };
    },
    /^job a$/,
    /signature of its receipt/,
  ],
  [
    'a charge above the price',
    async (scene) => {
      scene.jobs[0] = await charged('a', 700n, 700n, {
        inputTokens: 698,
        price: { ...PRICE, inputPerMillion: '1' },
      });
    },
    /^job a$/,
    /was charged 700; at its price it costs/,
  ],
  [
    'a receipt of another charge',
    async (scene) => {
      scene.jobs[0] = await charged('a', 700n, 700n, { charged: '699' });
    },
    /^job a$/,
    /charge is 700; its receipt has 699/,
  ],
  [
    'a charged job without a ledger entry',
    async (scene) => void scene.jobs.push(await charged('z', 10n, 751n)),
    /^job z$/,
    /no entry for it/,
  ],
  ['a missing job', (scene) => void scene.jobs.pop(), /^entry job:b:charged$/, /has no charged job/],
  [
    'a voucher that was charged more than the ledger has',
    (scene) => {
      scene.channel = { ...scene.channel, charged: amount(750) };
    },
    /^channel 0xch$/,
    /charged 750; the ledger has 741/,
  ],
  [
    'a charge above what the payer signed',
    (scene) => {
      scene.channel = { ...scene.channel, promised: amount(740) };
    },
    /^channel 0xch$/,
    /signed for up to 740/,
  ],
  [
    'a claim that the ledger lacks',
    (scene) => {
      scene.onChain.totalClaimed = 741n;
    },
    /^channel 0xch$/,
    /On-chain, 741 of it are claimed; the ledger has 700/,
  ],
  [
    'a payout that never happened',
    (scene) => {
      scene.onChain.settled = 0n;
    },
    /^contract:claimed in /,
    /ledger has 0; receipts and chain give 700 \(less by 700\)/,
  ],
  [
    'money missing from the wallet',
    (scene) => {
      scene.onChain.held = 1n;
    },
    /^wallet in /,
    /more by 699/,
  ],
  [
    'a different fee',
    (scene) => {
      scene.transactions['0xp'] = { settled: amount(700), fee: amount(5) };
    },
    /^entry fee:0xp$/,
    /fee was 5 on-chain; the ledger has 4/,
  ],
  [
    'a different amount in the transaction of a claim',
    (scene) => {
      scene.transactions['0xc'] = { claimed: new Map([[CHANNEL, amount(1)]]), fee: amount(9) };
    },
    /^entry claim:0xc$/,
    /moved 1 on channel 0xch; the ledger has 700/,
  ],
  [
    'a payout that was reverted',
    (scene) => {
      scene.transactions['0xp'] = { succeeded: false, fee: amount(4) };
    },
    /^entry settle:0xp$/,
    /paid out 0; the ledger has 700/,
  ],
];

for (const [what, change, about, message] of cases) {
  test(`names ${what}`, async () => {
    const { differences } = await auditOf(change);
    const named = differences.some((found) => about.test(found.about) && message.test(found.what));
    assert.ok(named, JSON.stringify(differences));
  });
}

test('notes what cannot be compared, without a difference', async () => {
  const away = await auditOf((scene) => {
    scene.away = true;
  });
  assert.deepEqual(away.differences, []);
  assert.match(away.notes.join(), /Chain eip155:31337 is unavailable/);
  const pruned = await auditOf((scene) => {
    scene.transactions = {};
  });
  assert.deepEqual(pruned.differences, []);
  assert.match(pruned.notes.join(), /4 entries have transactions that this node doesn't store/);
  const gift = await auditOf((scene) => {
    scene.onChain.held = 1_000n;
  });
  assert.deepEqual(gift.differences, []);
  assert.match(gift.notes.join(), /300 of .* more than was ever recorded/);
  const nowhere = await auditOf((scene) => {
    scene.addresses = [];
  });
  assert.match(nowhere.notes.join(), /address is unknown/);
});

test('a charge that is not recorded yet is no difference', async () => {
  const { differences } = await auditOf((scene) => {
    scene.jobs.push(soldJob({ id: 'c', state: 'delivered', charged: '9', cumulative: null }));
    scene.channel = { ...scene.channel, charged: amount(750) };
  });
  assert.deepEqual(differences, []);
});

test('notes a charge without a receipt after a crash, which the voucher covers', async () => {
  const { differences, notes } = await auditOf((scene) => {
    scene.jobs = scene.jobs.map((job) => ({ ...job, receipt: null }));
  });
  assert.deepEqual(differences, []);
  assert.match(notes.join(), /2 charged jobs have no receipt/);
});

test('folded jobs are compared with the ledger by their sums', async () => {
  const fold = (scene: Scene) => {
    scene.foldBeforeMs = 2_000;
  };
  const { differences, notes, balances } = await auditOf(fold);
  assert.deepEqual(differences, []);
  assert.match(notes.join(), /2 old jobs are stored as daily sums only/);
  assert.equal(balances.find(({ account }) => account === 'income:jobs')?.rebuilt, 741n);
  const changes: readonly Partial<FoldedJobs>[] = [
    { charged: amount(740) },
    { chargedJobs: 1 },
    { peer: 'another' },
    { model: 'another' },
    { side: 'bought' },
  ];
  for (const change of changes) {
    const found = await auditOf((scene) => {
      fold(scene);
      scene.folded = (sums) => sums.map((sum) => ({ ...sum, ...change }));
    });
    assert.match(
      found.differences[0]?.about ?? '',
      /^folded jobs \((sold|bought), /,
      Object.keys(change).join(),
    );
  }
  const lost = await auditOf((scene) => {
    fold(scene);
    scene.folded = () => [];
  });
  assert.deepEqual(
    lost.differences.map(({ about }) => about),
    ['entry job:a:charged', 'entry job:b:charged'],
  );
});
