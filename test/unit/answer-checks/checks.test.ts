/**
 * Verifies: a share of the bought answers is repeated when the machine is free, with the same request and seed, and a
 * provider whose tokens fall short is left out.
 * Setup: answers of a fake purchase, a fake model whose gaps the test sets, and a clock that the test moves.
 * Fails if: a check takes the machine from its owner, a queue grows without end, or an honest provider is accused because
 * its prompt is read in another way.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  auditRate,
  CHECKED_SHARE,
  createAnswerChecks,
  createStandings,
  type ProvenAnswer,
} from '../../../main/core/answer-checks/index.ts';
import type { GenerateEvent, GenerateRequest } from '../../../main/ports/engine.ts';
import type { AppliedSampling } from '../../../shared/applied-sampling.ts';
import { readChat } from '../../../shared/openai.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const APPLIED: AppliedSampling = {
  ...{ method: 'gumbel-max', seed: 9, temperature: 0.5, topP: 1, topK: 40, minP: 0 },
  promptHash: 'a'.repeat(64),
};

function answer(change: Partial<ProvenAnswer> = {}, asked: object = {}): ProvenAnswer {
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], temperature: 0.5, ...asked };
  return {
    ...{ jobId: 'job', peer: 'peer', soldJobId: 'sold', sha256: 'f'.repeat(64), tokens: [5, 6, 7] },
    ...{ asked: readChat(body), sampling: APPLIED, charged: 1_000n },
    ...{ inputTokens: 3, opinionsFrom: 'anybody' },
    ...change,
  };
}

function setUp(gaps: (tokens: number) => readonly number[] = (tokens) => Array(tokens).fill(0)) {
  const clock = manualClock(1_000_000);
  const records = createMemoryRecordStore();
  const log = createRecordingLog();
  const requests: GenerateRequest[] = [];
  const alarms: string[] = [];
  const opinionsOn: string[] = [];
  const state = {
    isServed: true,
    isFree: true,
    isSampled: true,
    held: 0,
    promptHash: APPLIED.promptHash,
    grammarHash: null as string | null,
    isAborted: false,
  };
  async function* generate(request: GenerateRequest): AsyncGenerator<GenerateEvent> {
    requests.push(request);
    const { promptHash, grammarHash } = state;
    const sampling = { ...APPLIED, promptHash, ...(grammarHash !== null && { grammarHash }) };
    yield { type: 'start', inputTokens: 3, sampling };
    if (!state.isAborted) yield { type: 'gaps', gaps: gaps(request.claimedTokens?.length ?? 0) };
  }
  const checks = createAnswerChecks({
    ...{ records, clock, log, onAlarm: ({ peer }) => alarms.push(peer) },
    ...{ serves: () => state.isServed, onDoubt: () => undefined, isKnown: () => true },
    opinionsFrom: () => 'anybody',
    async buyOpinion({ without }) {
      opinionsOn.push(...without);
      return null;
    },
    random: () => (state.isSampled ? 0 : CHECKED_SHARE),
    hold() {
      if (!state.isFree) return null;
      state.held += 1;
      return {
        generate,
        release() {
          state.held -= 1;
        },
      };
    },
  });
  const settle = async () => {
    for (let each = 0; each < 20; each += 1) await turn();
  };
  return { checks, clock, records, log, requests, alarms, opinionsOn, state, settle };
}

describe('checks of bought answers', () => {
  it('repeat the request with the seed of the receipt, behind all jobs, and store what it showed', async () => {
    const { checks, records, requests, state, settle } = setUp((tokens) => [
      ...Array(tokens - 1).fill(0),
      0.5,
    ]);
    checks.consider(answer());
    await settle();
    const [request] = requests;
    assert.deepEqual(request?.claimedTokens, [5, 6, 7]);
    assert.deepEqual(
      [request.seed, request.isPatient, request.maxTokens, request.temperature],
      [9, true, 0, 0.5],
    );
    assert.equal(checks.standingOf('peer').tokens, 3);
    const [checked] = createStandings(records).checked('peer');
    assert.deepEqual([checked?.jobId, checked?.differing], ['job', 1]);
    assert.equal(state.held, 0);
  });

  it('take only the sampled share, and only answers that can be repeated', async () => {
    const { checks, requests, state, settle } = setUp();
    state.isSampled = false;
    checks.consider(answer());
    state.isSampled = true;
    checks.consider(answer({ sampling: null }));
    checks.consider(answer({ sampling: { ...APPLIED, method: 'other' } }));
    checks.consider(answer({ tokens: [] }));
    checks.consider(answer({}, { n: 2 }));
    await settle();
    assert.equal(requests.length, 0);
  });

  it('ask other providers only about models that this machine doesn’t serve', async () => {
    const { checks, requests, opinionsOn, state, settle } = setUp();
    for (let count = 0; count < 30; count += 1) checks.consider(answer());
    await settle();
    assert.deepEqual([requests.length > 0, opinionsOn], [true, []]);
    state.isServed = false;
    const repeated = requests.length;
    for (let count = 0; count < 60; count += 1) checks.consider(answer());
    await settle();
    assert.deepEqual([requests.length, opinionsOn], [repeated, ['peer']]);
  });

  it('wait until the machine is free, with a limit of number, size and time', async () => {
    const { checks, clock, requests, state, settle } = setUp();
    state.isFree = false;
    const long = [{ role: 'user', content: 'x'.repeat(900_000) }];
    checks.consider(answer({ jobId: 'long' }, { messages: long }));
    checks.consider(answer({ jobId: 'too-long' }, { messages: long }));
    for (let count = 0; count < 40; count += 1) checks.consider(answer());
    await settle();
    assert.equal(requests.length, 0);
    state.isFree = true;
    clock.advance(10_000);
    await settle();
    assert.equal(requests.length, 16);
    assert.equal(
      requests.filter((each) => JSON.stringify(each).length > 800_000).length,
      1,
      'not two of them',
    );
    state.isFree = false;
    checks.consider(answer());
    clock.advance(3_600_000);
    state.isFree = true;
    clock.advance(10_000);
    await settle();
    assert.equal(requests.length, 16, 'the answer has become too old');
  });
});

for (const isServed of [true, false]) {
  it(`a damaged record keeps no answer from being paid, ${isServed ? 'with' : 'without'} the model`, async () => {
    const { checks, records, log, requests, opinionsOn, state, settle } = setUp();
    state.isServed = isServed;
    for (const text of ['{"standing":1}', '[]']) {
      for (const collection of ['answer-checks', 'second-opinions']) records.set(collection, 'peer', text);
      for (let count = 0; count < 60; count += 1) checks.consider(answer());
      await settle();
      assert.equal(checks.find({ id: 'none', peer: 'peer' }), null);
    }
    assert.ok(isServed ? requests.length > 0 : opinionsOn.length > 0);
    assert.deepEqual(
      log.lines.filter(({ level }) => level === 'error'),
      [],
    );
  });
}

it('a check that can’t be stored keeps no answer from being paid', () => {
  const { checks, records, log, state } = setUp();
  state.isServed = false;
  for (let count = 0; count < 60; count += 1) checks.consider(answer({ sampling: null }));
  records.get = () => {
    throw new Error('the database is closed');
  };
  checks.consider(answer());
  assert.equal(log.lines.filter(({ level }) => level === 'error').length, 1);
});

describe('checked answers', () => {
  it('leave a provider out whose tokens fall short, and begin again afterwards', async () => {
    const { checks, alarms, log, settle } = setUp((tokens) => Array(tokens).fill(1));
    checks.consider(answer());
    await settle();
    assert.deepEqual(alarms, [], 'three tokens prove nothing');
    checks.consider(answer());
    await settle();
    assert.deepEqual(alarms, ['peer']);
    assert.equal(checks.standingOf('peer').answers, 0);
    assert.ok(!JSON.stringify(log.lines).includes('Hello'));
  });

  it('say nothing about a provider whose prompt or grammar is read in another way, or if they were stopped', async () => {
    const { checks, alarms, state, settle } = setUp((tokens) => Array(tokens).fill(2));
    state.promptHash = 'b'.repeat(64);
    for (let count = 0; count < 9; count += 1) checks.consider(answer());
    await settle();
    state.promptHash = APPLIED.promptHash;
    state.grammarHash = 'c'.repeat(64);
    for (let count = 0; count < 9; count += 1) checks.consider(answer());
    await settle();
    state.grammarHash = null;
    state.isAborted = true;
    checks.consider(answer());
    await settle();
    assert.deepEqual([alarms, checks.standingOf('peer').answers, state.held], [[], 0, 0]);
    await checks.stop();
  });

  it('are frequent enough for a provider that loses the fees of 25 answers', () => {
    // It saves half of its fee, and one check finds it nearly always.
    assert.ok(auditRate({ gain: 0.5, detection: 0.99, fee: 1, loss: 25 }) <= CHECKED_SHARE);
  });
});

describe('standings', () => {
  it('store the last 20 answers of a provider and 500 providers, and survive a restart', () => {
    const records = createMemoryRecordStore();
    const standings = createStandings(records);
    const evidence = { tokens: 1, differing: 0, gapMean: 0, logEvidence: -0.1 };
    const standing = { ...evidence, answers: 1, logEvidence: 0 };
    const checked = (jobId: string, atMs: number) => ({
      ...{ jobId, atMs, ...evidence, logStanding: 0, isAlarm: false },
    });
    for (let peer = 0; peer < 510; peer += 1) standings.add(`peer-${peer}`, standing, checked('j', peer));
    for (let job = 0; job < 30; job += 1) standings.add('peer-509', standing, checked(`${job}`, 1_000 + job));
    const again = createStandings(createMemoryRecordStore(records.snapshot()));
    assert.deepEqual(
      again.checked('peer-509').map(({ jobId }) => jobId),
      Array.from({ length: 20 }, (_, index) => `${index + 10}`),
    );
    assert.equal(again.of('peer-509').answers, 1);
    assert.equal(again.of('peer-9').answers, 0, 'the oldest one is gone');
    assert.equal(records.list('answer-checks').length, 500);
  });
});
