/**
 * Fuzzing of what other peers sign or hand on about themselves and others: hints of changed offers, references, verdicts
 * on providers, and the lists of owners in a private network.
 */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import fc from 'fast-check';
import { HINT_CLOCK_MS_MAX, HintChecks, writeHint } from '../../main/adapters/libp2p/hint-checks.ts';
import { createPeerKey, verifySigned } from '../../main/adapters/libp2p/index.ts';
import { createReferenceReader } from '../../main/adapters/x402/index.ts';
import { NETWORKS } from '../../main/agent/networks.ts';
import { mergeLists } from '../../main/core/machines/owner-lists.ts';
import { newestLists, readList } from '../../main/core/machines/signed-lists.ts';
import { readVerdict } from '../../main/core/reputation/index.ts';
import { checkShape } from '../../shared/check-shape.ts';
import { listsMessageSchema, type OwnerList } from '../../shared/machines.ts';
import { manualClock } from '../../test/fakes/clock.ts';
import { oddBytes, oddJson, oddText } from './inputs.ts';
import { refusingLater, type Target, target } from './target.ts';

const NOW_MS = 1_800_000_000_000;
const key = await createPeerKey(
  (await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(7))) as Ed25519PrivateKey,
);

const hintChecks = new HintChecks(manualClock(NOW_MS));
const topics = ['idlewatt/offers/1', 'idlewatt/offers/2'];
const hints = target(
  { name: 'hints of changed offers', share: 6 },
  fc.record({
    origin: fc.nat(2_000).map((number) => `peer ${number}`),
    topic: fc.constantFrom(...topics),
    data: oddBytes([writeHint(NOW_MS), writeHint(NOW_MS + HINT_CLOCK_MS_MAX + 1)]),
  }),
  (hint) => {
    if (hint.data.length > 256 && hintChecks.judge(hint) !== 'reject')
      throw new Error('a long hint was taken');
    hintChecks.judge(hint);
  },
);

const PAYOUT = `0x${'11'.repeat(20)}`;
const { base } = NETWORKS;
const readReferences = createReferenceReader(
  { readContracts: async (calls) => calls.map(() => [2n, 1n]) },
  base,
);
const REFERENCE = {
  ...{ payer: PAYOUT, payerAuthorizer: PAYOUT, receiver: PAYOUT, receiverAuthorizer: PAYOUT },
  ...{ token: base.token.address, withdrawDelay: 86_400, salt: `0x${'22'.repeat(32)}` },
};
const references = target({ name: 'references', share: 3 }, oddJson([[REFERENCE]]), async (shown) => {
  const paid = await refusingLater(['bad-request'], () => readReferences(PAYOUT, shown));
  if ((paid ?? []).length > 50) throw new Error('more references than allowed');
});

const VERDICT = {
  ...{ auditor: key.peer, provider: '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp' },
  ...{ sha256: 'ab'.repeat(32), answers: 3, tokens: 300, hasPassed: true, atMs: NOW_MS },
};
const verdicts = target({ name: 'verdicts', share: 1 }, oddJson([VERDICT]), async (verdict) => {
  const read = await readVerdict(await key.sign(verdict as object), key.peer, verifySigned, NOW_MS);
  if (read !== null && read.provider === key.peer) throw new Error('a peer praised itself');
});
const forgedVerdicts = target(
  { name: 'forged verdicts', share: 2 },
  oddText([await key.sign(VERDICT)]),
  async (jws) => {
    await readVerdict(jws, key.peer, verifySigned, NOW_MS);
  },
);

const NETWORK = 'cd'.repeat(8);
const DECISION = { name: 'Desk', addedAtMs: 1, generation: 0, change: 0, isRemoved: false };
const LIST: OwnerList = {
  ...{ network: NETWORK, owner: key.peer, version: 1 },
  machines: [
    { ...DECISION, peer: key.peer, role: 'owner' },
    { ...DECISION, peer: 'second', role: 'owner', isRemoved: true },
  ],
  rules: { revision: 1, values: { comfort: 3, scheduleOn: true } },
  payout: { revision: 1, address: `0x${'ab'.repeat(20)}`, setAtMs: 1 },
};

async function take(jws: string): Promise<void> {
  const read = await refusingLater(['bad-request'], () => readList(jws, NETWORK, verifySigned));
  if (read === null) return;
  const lists = newestLists(key.peer, key.peer, [read]);
  const { owners } = mergeLists(
    key.peer,
    lists.map(({ list }) => list),
  );
  if (owners[0] !== key.peer) throw new Error('the founder isn’t the first owner');
}

const ownerLists = target({ name: 'lists of owners', share: 1 }, oddJson([LIST]), async (list) =>
  take(await key.sign(list as object)),
);
const forgedLists = target(
  { name: 'forged lists of owners', share: 2 },
  oddText([await key.sign(LIST)]),
  take,
);
const listMessages = target(
  { name: 'messages with lists', share: 3 },
  oddJson([{ lists: ['a.b.c'] }]),
  (message) => void checkShape(listsMessageSchema, message),
);

export const PEER_TARGETS: readonly Target[] = [
  ...[hints, references, verdicts, forgedVerdicts],
  ...[ownerLists, forgedLists, listMessages],
];
