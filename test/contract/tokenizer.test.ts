/**
 * Verifies: with a model's vocabulary alone, the tokenizer counts the tokens of a prompt and renders the tokens of a
 * response exactly as the engine does that made it.
 * Setup: the real engine and the real tokenizer, each with the tiny model in a child process of its own.
 * Fails if: an honest bill would be refused, the weights are loaded, or a process stays behind.
 * Quiet: a recount that takes 20 s is given up.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ChildTokenizer, createLlamaSpawner, createTokenizer } from '../../main/adapters/llama/index.ts';
import { createEngineSupervisor } from '../../main/core/engine/index.ts';
import { billFlaw } from '../../main/core/gateway/bill-check.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Engine, GenerateRequest, ModelFile } from '../../main/ports/engine.ts';
import { collect, SUITE_LOAD } from './engine-suite.ts';

const TINY: ModelFile = {
  id: 'idlewatt-tiny',
  path: fileURLToPath(new URL('../../resources/models/idlewatt-tiny.gguf', import.meta.url)),
  sha256: 'a'.repeat(64),
};
const NEVER = new AbortController().signal;
const REQUEST: GenerateRequest = {
  prompt: { kind: 'chat', messages: [{ role: 'user', content: 'Grüße! What is a watt? <|im_end|> 𝄞' }] },
  maxTokens: 60,
  temperature: 1,
  topP: 1,
  seed: 7,
  stop: [],
};

let engine: Engine;
let tokenizer: ChildTokenizer;
before(async () => {
  engine = createEngineSupervisor({ spawn: createLlamaSpawner(), clock: systemClock });
  await engine.load(TINY, SUITE_LOAD);
  tokenizer = createTokenizer({
    findFile: (sha256) => (sha256 === TINY.sha256 ? TINY : null),
    modelFolders: [],
    clock: systemClock,
  });
});
after(async () => {
  tokenizer.stop();
  await engine.stop();
});

/** Generates a response and returns it as a buyer sees it. */
async function generate(more: Partial<GenerateRequest>) {
  const asked = { ...REQUEST, ...more, choices: 1 };
  const { text, tokens, end } = await collect(engine.generate(asked, NEVER));
  const answers = [{ tokens, text }];
  return { asked, sha256: TINY.sha256, tokens, answers, calls: 0, textBytes: Buffer.byteLength(text), end };
}

describe('tokenizer', () => {
  const cases: [string, Partial<GenerateRequest>][] = [
    ['a chat', {}],
    ['a plain text', { prompt: { kind: 'text', text: 'Once upon a time' } }],
    [
      'a continued answer',
      {
        prompt: {
          kind: 'chat',
          messages: [
            ...(REQUEST.prompt.kind === 'chat' ? REQUEST.prompt.messages : []),
            { role: 'assistant', content: 'A watt is' },
          ],
          continuesLast: true,
        },
      },
    ],
    ['a hot answer', { temperature: 2, seed: 11, maxTokens: 200 }],
    ['an answer with stop strings', { stop: ['e', '.'], seed: 3 }],
  ];
  for (const [title, more] of cases) {
    it(`agrees with the engine on ${title}`, async () => {
      const { end, ...delivered } = await generate(more);
      const { asked, sha256, tokens } = delivered;
      const text = delivered.answers[0]?.text ?? '';
      const counted = await tokenizer.recount({
        prompt: asked.prompt,
        stop: asked.stop,
        sha256,
        tokens,
        text,
      });
      assert.equal(counted?.inputTokens, end.inputTokens);
      if (asked.stop.length === 0) assert.equal(counted?.outputText, text);
      const bill = { inputTokens: end.inputTokens, outputTokens: tokens.length };
      assert.equal(await billFlaw(bill, delivered, tokenizer), null);
      const inflated = { ...bill, inputTokens: bill.inputTokens * 2 + 9 };
      assert.equal(await billFlaw(inflated, delivered, tokenizer), 'input-recount');
    });
  }

  it('refuses tokens that the vocabulary doesn’t have, and ones that make another text', async () => {
    const { end, ...delivered } = await generate({});
    const bill = { inputTokens: end.inputTokens, outputTokens: delivered.tokens.length };
    const text = delivered.answers[0]?.text ?? '';
    const withTokens = (tokens: readonly number[]) => ({ ...delivered, tokens, answers: [{ tokens, text }] });
    const foreign = [...delivered.tokens.slice(0, -1), 4_000_000_000];
    assert.equal(await billFlaw(bill, withTokens(foreign), tokenizer), 'token-text');
    const swapped = [...delivered.tokens.slice(1), ...delivered.tokens.slice(0, 1)];
    assert.equal(await billFlaw(bill, withTokens(swapped), tokenizer), 'token-text');
  });

  it('counts nothing without the file, and recovers after its process was stopped', async () => {
    const request = { prompt: REQUEST.prompt, stop: [], tokens: [], text: '' };
    assert.equal(await tokenizer.recount({ ...request, sha256: 'b'.repeat(64) }), null);
    const broken = createTokenizer({
      findFile: () => ({ ...TINY, path: '/nonexistent.gguf' }),
      modelFolders: [],
      clock: systemClock,
    });
    assert.equal(await broken.recount({ ...request, sha256: TINY.sha256 }), null);
    broken.stop();
    const before = tokenizer.recount({ ...request, sha256: TINY.sha256 });
    tokenizer.stop();
    assert.equal(await before, null);
    assert.ok(((await tokenizer.recount({ ...request, sha256: TINY.sha256 }))?.inputTokens ?? 0) > 0);
  });
});
