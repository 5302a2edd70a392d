/**
 * Verifies: a buyer without the model file compares an answer with another provider's to the same request, asks a third one
 * where they differ, and holds the difference against the one that two contradict.
 * Setup: scripted answers of other providers, with their charges.
 * Fails if: opinions cost more than their part of what is bought, a stranger helps to bring an alarm, an undecided difference
 * or another reading of the prompt is held against somebody, a provider of another model is never found, a prompt is shown to
 * more providers than its owner permits, or the agent can't stop while an opinion is being bought.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { createAllowance } from '../../../main/core/answer-checks/allowance.ts';
import { compareAnswers } from '../../../main/core/answer-checks/comparison.ts';
import { createStandings, type ProvenAnswer, weighAnswer } from '../../../main/core/answer-checks/index.ts';
import {
  createSecondOpinions,
  OPINION_TOKENS_MAX,
  type WantedOpinion,
} from '../../../main/core/answer-checks/second-opinions.ts';
import { HONEST_DIFFERENCE_SHARE_MAX, type OpinionSource } from '../../../shared/answer-check.ts';
import type { AppliedSampling } from '../../../shared/applied-sampling.ts';
import { AppError } from '../../../shared/errors.ts';
import { readChat } from '../../../shared/openai.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const APPLIED: AppliedSampling = {
  ...{ method: 'gumbel-max', seed: 9, temperature: 0.5, topP: 1, topK: 40, minP: 0 },
  promptHash: 'a'.repeat(64),
};
const HONEST = Array.from({ length: 40 }, (_, index) => index);
const SMALLER = HONEST.map((token) => token + 100);
const CHARGED = 1_000n;
/** The most that an opinion can cost: its input counts with its bytes. */
const COST_MAX = 1_200n;

function answer(peer: string, tokens: readonly number[], change: Partial<ProvenAnswer> = {}): ProvenAnswer {
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 500 };
  return {
    ...{ jobId: `job-${peer}`, peer, soldJobId: `sold-${peer}`, sha256: 'f'.repeat(64), tokens },
    ...{ asked: readChat(body), sampling: APPLIED, inputTokens: 30, charged: CHARGED },
    opinionsFrom: 'anybody',
    ...change,
  };
}

async function longTurn(result: string): Promise<string> {
  for (let each = 0; each < 20; each += 1) await turn();
  return result;
}

/** `others`: the answers that the next opinions bring, in this order; null: nobody answers. */
function setUp(others: readonly (ProvenAnswer | null)[] = [], records = createMemoryRecordStore()) {
  const left = [...others];
  const wanted: WantedOpinion[] = [];
  const doubts: string[] = [];
  const alarms: string[] = [];
  const state = {
    ...{ costs: 400n as bigint | null, drawn: 0, from: 'anybody' as OpinionSource },
    unknown: [] as readonly string[],
  };
  const log = createRecordingLog();
  const standings = createStandings(records, 'second-opinions');
  const allowance = createAllowance({ records, log, share: 0.02 });
  const opinions = createSecondOpinions({
    ...{ standings, allowance, log, clock: manualClock(1_000_000), opinionsFrom: () => state.from },
    ...{ random: () => state.drawn, isKnown: (peer) => !state.unknown.includes(peer) },
    onDoubt: (peer) => doubts.push(peer),
    onAlarm: ({ peer }) => alarms.push(peer),
    async buyOpinion(request) {
      wanted.push(request);
      const next = left.shift();
      if (next === undefined) return new Promise<never>(() => undefined);
      const correct = request.debit(COST_MAX);
      if (state.costs === null) throw new AppError('peer-unreachable', 'The provider has gone.');
      correct(next === null ? 0n : state.costs);
      return next;
    },
  });
  const settle = async () => {
    for (let each = 0; each < 20; each += 1) await turn();
  };
  /** Saves up for opinions, with answers that can't be compared. */
  const save = (answers: number) => {
    for (let count = 0; count < answers; count += 1)
      opinions.consider(answer('unseen', HONEST, { sampling: null }));
  };
  const consider = async (bought: ProvenAnswer) => {
    opinions.consider(bought);
    await settle();
  };
  const add = (...answers: readonly ProvenAnswer[]) => left.push(...answers);
  return { opinions, wanted, doubts, alarms, state, standings, allowance, records, save, consider, add };
}

describe('a comparison', () => {
  it('finds the one that two contradict at the first difference, and ignores what comes later', () => {
    assert.deepEqual(
      compareAnswers([
        [1, 2, 3],
        [1, 2, 3],
        [1, 9, 3],
      ]),
      { agreed: 1, differs: true, alone: 2 },
    );
    assert.deepEqual(
      compareAnswers([
        [1, 9, 5],
        [1, 2, 3],
        [1, 2, 4],
      ]),
      { agreed: 1, differs: true, alone: 0 },
    );
    assert.deepEqual(
      compareAnswers([
        [1, 2, 3],
        [1, 2],
      ]),
      { agreed: 2, differs: false, alone: null },
    );
  });

  it('blames nobody of two, or of three that all differ', () => {
    assert.deepEqual(compareAnswers([[1], [2]]), { agreed: 0, differs: true, alone: null });
    assert.deepEqual(compareAnswers([[1], [2], [3]]), { agreed: 0, differs: true, alone: null });
  });
});

describe('evidence of a comparison', () => {
  it('has a mean of at most 1 for every provider that differs as often as honest ones may', () => {
    const lengths = fc.integer({ min: 1, max: OPINION_TOKENS_MAX });
    fc.assert(
      fc.property(
        lengths,
        fc.double({ min: 0, max: HONEST_DIFFERENCE_SHARE_MAX, noNaN: true }),
        (length, share) => {
          const weight = (agreed: number, last: readonly number[]) =>
            Math.exp(
              weighAnswer([...Array<number>(agreed).fill(0), ...last], HONEST_DIFFERENCE_SHARE_MAX)
                .logEvidence,
            );
          let mean = (1 - share) ** length * weight(length, []);
          for (let agreed = 0; agreed < length; agreed += 1)
            mean += (1 - share) ** agreed * share * weight(agreed, [1]);
          assert.ok(mean <= 1 + 1e-9, `${mean}`);
        },
      ),
    );
  });
});

describe('second opinions', () => {
  it('ask for the beginning of the same answer with the same seed, and clear both where they agree', async () => {
    const { wanted, standings, doubts, save, consider } = setUp([answer('other', HONEST.slice(0, 16))]);
    save(100);
    await consider(answer('asked', HONEST));
    assert.equal(wanted.length, 1, 'no third one is asked');
    const { asked, without, sha256 } = wanted[0] ?? assert.fail();
    assert.deepEqual([asked.seed, asked.maxTokens, sha256], [9, OPINION_TOKENS_MAX, 'f'.repeat(64)]);
    assert.deepEqual([...without], ['asked']);
    for (const peer of ['asked', 'other']) {
      const [checked] = standings.checked(peer);
      assert.deepEqual([checked?.tokens, checked?.differing, checked?.gapMean], [16, 0, null]);
    }
    assert.deepEqual(doubts, []);
  });

  for (const [liar, answers] of [
    ['asked', [SMALLER, HONEST, HONEST]],
    ['second', [HONEST, SMALLER, HONEST]],
  ] as const) {
    it(`hold a difference against the ${liar} provider, if two others contradict it`, async () => {
      const [asked, second, third] = answers;
      const { wanted, standings, doubts, save, consider } = setUp([
        answer('second', second),
        answer('third', third),
      ]);
      save(100);
      await consider(answer('asked', asked));
      assert.deepEqual([...(wanted[1]?.without ?? [])], ['asked', 'second']);
      assert.deepEqual(doubts, [liar]);
      for (const peer of ['asked', 'second', 'third'])
        assert.equal(standings.checked(peer)[0]?.differing, peer === liar ? 1 : 0, peer);
    });
  }

  it('find a provider of a smaller model, and compare all of its answers once there is evidence', async () => {
    const { opinions, alarms, state, save, consider, add } = setUp();
    save(2_000);
    for (let count = 0; count < 6; count += 1) {
      add(answer('second', HONEST), answer('third', HONEST));
      await consider(answer('liar', SMALLER));
      state.drawn = 0.99;
    }
    assert.deepEqual(alarms, ['liar']);
    await opinions.stop();
  });
});

it('second opinions that wait for a deposit don’t keep the agent from stopping', async () => {
  const { opinions, wanted, save, consider } = setUp();
  save(100);
  await consider(answer('asked', HONEST));
  assert.equal(wanted.length, 1, 'the purchase never ends');
  const first = await Promise.race([opinions.stop().then(() => 'stopped'), longTurn('waiting')]);
  assert.deepEqual([first, wanted[0]?.requester.aborted], ['stopped', true]);
});

describe('second opinions of doubtful worth', () => {
  it('hold nothing against anybody if no third one answers', async () => {
    const { standings, doubts, save, consider } = setUp([answer('second', SMALLER), null]);
    save(100);
    await consider(answer('asked', HONEST));
    assert.deepEqual([doubts, standings.checked('asked'), standings.checked('second')], [[], [], []]);
  });

  for (const unknown of [['stranger', 'accomplice'], ['stranger'], ['accomplice']]) {
    it(`bring no evidence if ${unknown.join(' and ')} are unknown, but have the provider left out`, async () => {
      const { state, standings, alarms, doubts, save, consider, add } = setUp();
      state.unknown = unknown;
      save(2_000);
      for (let count = 0; count < 9; count += 1) {
        add(answer('stranger', SMALLER), answer('accomplice', SMALLER));
        await consider(answer('honest', HONEST));
      }
      assert.deepEqual([alarms, standings.of('honest').answers], [[], 0]);
      assert.equal(doubts.length, 9);
    });
  }

  it('say nothing if the prompt was read in another way, or how tokens were drawn isn’t known', async () => {
    const sampling = { ...APPLIED, promptHash: 'b'.repeat(64) };
    const { wanted, standings, save, consider, add } = setUp([answer('second', SMALLER, { sampling })]);
    save(100);
    await consider(answer('asked', HONEST));
    add(answer('second', SMALLER, { sampling: { ...APPLIED, method: 'other' } }));
    await consider(answer('asked', HONEST));
    assert.deepEqual([wanted.length, standings.checked('asked')], [2, []]);
  });

  it('are asked of nobody, or only of known providers, if owner or request says so', async () => {
    const asked = async (owner: OpinionSource, opinionsFrom: OpinionSource) => {
      const { wanted, state, save, consider } = setUp([answer('second', HONEST)]);
      state.from = owner;
      save(100);
      await consider(answer('asked', HONEST, { opinionsFrom }));
      return wanted.map(({ from }) => from);
    };
    assert.deepEqual(await asked('nobody', 'anybody'), []);
    assert.deepEqual(await asked('anybody', 'nobody'), []);
    assert.deepEqual(await asked('known', 'anybody'), ['known']);
    assert.deepEqual(await asked('anybody', 'known'), ['known']);
    assert.deepEqual(await asked('anybody', 'anybody'), ['anybody']);
  });
});

describe('the cost of second opinions', () => {
  it('is at most 2% of what is bought, and one answer more', async () => {
    const { wanted, consider, add } = setUp();
    let answers = 0;
    for (; answers < 1_000; answers += 1) {
      add(answer('second', HONEST));
      await consider(answer('asked', HONEST));
    }
    const spent = wanted.length * 400;
    assert.ok(spent > 0.015 * answers * Number(CHARGED), `${spent} were spent`);
    assert.ok(spent <= (0.02 * answers + 1) * Number(CHARGED), `${spent} were spent`);
  });

  it('is no more for each than for the answer, by the tokens of its receipt', async () => {
    const { wanted, save, consider } = setUp([answer('second', HONEST)]);
    save(100);
    await consider(answer('asked', HONEST));
    assert.deepEqual([wanted[0]?.costMax, wanted[0]?.inputTokens], [CHARGED, 30]);
  });

  it('is saved up for two; there is no third answer if the second one was expensive', async () => {
    const { wanted, state, allowance, save, consider, add } = setUp();
    add(answer('second', SMALLER), answer('third', HONEST));
    save(48);
    await consider(answer('asked', HONEST));
    assert.equal(wanted.length, 0, 'less than two halves are saved up');
    state.costs = 600n;
    await consider(answer('asked', HONEST));
    assert.equal(wanted.length, 1);
    assert.ok(allowance.units() < 500, `${allowance.units()}`);
  });

  it('is what it may be as long as it isn’t known: opinions that fail aren’t free', async () => {
    const { wanted, state, allowance, save, consider, add } = setUp();
    add(answer('second', HONEST), answer('second', HONEST));
    state.costs = null;
    save(50);
    await consider(answer('asked', HONEST));
    assert.ok(allowance.units() < 0, `${allowance.units()}`);
    await consider(answer('asked', HONEST));
    assert.equal(wanted.length, 1);
  });

  it('is not forgotten by a restart, unless its record is damaged', async () => {
    const { records, state, save, consider, add } = setUp();
    add(answer('second', HONEST));
    state.costs = 3_000n;
    save(50);
    await consider(answer('asked', HONEST));
    const again = (text: string | null) => {
      const stored = createMemoryRecordStore(records.snapshot());
      if (text !== null) stored.set('opinion-allowance', 'units', text);
      return Math.round(setUp([], stored).allowance.units());
    };
    assert.deepEqual([again(null), again('"much"')], [-1_980, 0]);
  });

  it('is nothing for free answers', async () => {
    const { wanted, save, consider } = setUp([answer('second', HONEST)]);
    save(100);
    await consider(answer('own-machine', HONEST, { charged: 0n }));
    assert.equal(wanted.length, 0);
  });
});
