/**
 * Verifies: a step begins only when every running answer is ready, contains each of them once in the order of their
 * sequences, and divides its prompt tokens so that neither short nor long prompts wait for others.
 * Setup: the real steps and duty; computations that the test settles itself.
 * Fails if: an answer misses a batch, a leaving or aborted answer holds up the others, or a prompt starves.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { createDuty } from '../../../main/adapters/llama/duty.ts';
import { createSteps, grantTokens, type Turns } from '../../../main/adapters/llama/steps.ts';

const NEVER = new AbortController().signal;
const PROMPT_TOKENS_MAX = 128;

/** Lets everything happen that isn't waiting for the test. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}

function setUp() {
  const steps = createSteps(createDuty(), PROMPT_TOKENS_MAX);
  /** Computations that have begun, in their order. */
  const begun: { name: string; granted: number; finish: () => void }[] = [];
  const take = (turns: Turns, name: string, { tokens = 1, signal = NEVER } = {}) =>
    turns.take(
      tokens,
      (granted) =>
        new Promise<string>((resolve) => begun.push({ name, granted, finish: () => resolve(name) })),
      signal,
    );
  const names = () => begun.map(({ name }) => name);
  return { steps, begun, take, names };
}

describe('steps', () => {
  it('begin when all running answers are ready, in the order of their sequences', async () => {
    const { steps, take, names } = setUp();
    const [first, second] = [steps.enter(1), steps.enter(0)];
    void take(first, 'one');
    await settle();
    assert.deepEqual(names(), []);
    void take(second, 'zero');
    await settle();
    assert.deepEqual(names(), ['zero', 'one']);
  });

  it('wait for the answer that was sampled last', async () => {
    const { steps, begun, take, names } = setUp();
    const [first, second] = [steps.enter(0), steps.enter(1)];
    const [one] = [take(first, 'one'), take(second, 'two')];
    await settle();
    begun[0]?.finish();
    assert.equal(await one, 'one');
    void take(first, 'one again');
    await settle();
    assert.deepEqual(names(), ['one', 'two']);
    begun[1]?.finish();
    await settle();
    void take(second, 'two again');
    await settle();
    assert.deepEqual(names(), ['one', 'two', 'one again', 'two again']);
  });

  it('do not wait for an answer that has left, or for one that was aborted and leaves', async () => {
    const { steps, take, names } = setUp();
    const [stays, leaves, aborted] = [steps.enter(0), steps.enter(1), steps.enter(2)];
    const abort = new AbortController();
    void take(stays, 'stays');
    const nothing = take(aborted, 'aborted', { signal: abort.signal });
    abort.abort();
    assert.equal(await nothing, null);
    aborted.leave();
    leaves.leave();
    leaves.leave();
    await settle();
    assert.deepEqual(names(), ['stays']);
    assert.equal(await take(aborted, 'late', { signal: abort.signal }), null);
  });

  it('report the failure of a computation to its answer only', async () => {
    const { steps, begun, take } = setUp();
    const [fails, works] = [steps.enter(0), steps.enter(1)];
    const failure = fails.take(1, () => Promise.reject(new Error('failed')), NEVER);
    const result = take(works, 'works');
    await assert.rejects(failure, /failed/);
    begun[0]?.finish();
    assert.equal(await result, 'works');
  });

  it('compute a long prompt in parts, each along with the tokens of the others', async () => {
    const { steps, begun, take } = setUp();
    const [prompt, answer] = [steps.enter(0), steps.enter(1)];
    for (const left of [300, 172, 44]) {
      void take(prompt, 'prompt', { tokens: left });
      void take(answer, 'answer');
      await settle();
      for (const { finish } of begun) finish();
      await settle();
    }
    assert.deepEqual(
      begun.map(({ name, granted }) => [name, granted]),
      [128, 128, 44].flatMap((granted) => [
        ['prompt', granted],
        ['answer', 1],
      ]),
    );
  });
});

describe('the tokens of one step', () => {
  it('give a short prompt all it wants next to a long one', () => {
    assert.deepEqual(grantTokens([2_000, 40, 1], 128), [88, 40, 1]);
  });

  it('stay within the limit, use it up, and leave out no prompt while there is room', () => {
    const wanted = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(wanted, (tokens) => {
        const grants = grantTokens(tokens, 128);
        const prompts = tokens.flatMap((wants, index) =>
          wants > 1 ? [{ wants, granted: grants[index] ?? 0 }] : [],
        );
        const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
        assert.ok(grants.every((granted, index) => granted >= 1 && granted <= (tokens[index] ?? 0)));
        const total = sum(prompts.map(({ wants }) => wants));
        assert.equal(sum(prompts.map(({ granted }) => granted)), Math.min(total, 128));
        // Equal shares: nobody who got less than it wants got less than anybody else by more than one.
        const cut = prompts.filter(({ wants, granted }) => granted < wants).map(({ granted }) => granted);
        if (cut.length > 0) {
          const most = Math.max(...prompts.map(({ granted }) => granted));
          assert.ok(most - Math.min(...cut) <= 1, JSON.stringify(grants));
        }
      }),
    );
  });
});
