/**
 * Verifies: a bill whose signature and sums are right is still refused if its token counts can't be: more tokens than
 * bytes, tokens that don't make the text, a recount by the model's vocabulary that differs.
 * Setup: a tokenizer with one token per word, honest bills and every way to inflate them (property).
 * Fails if: a provider can bill tokens that it didn't deliver, an honest bill is refused, or a missing file refuses one.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { billFlaw, type Delivered, outputTokensMaxOf } from '../../../main/core/gateway/bill-check.ts';
import { createTokenRates, type TokenSample } from '../../../main/core/gateway/token-rates.ts';
import type { Tokenizer } from '../../../main/ports/tokenizer.ts';

const NOWHERE: Tokenizer = { recount: async () => null };
const WORDS = ['one ', 'two ', 'three ', 'four ', 'ä', '\n'];
/** Tokens 0 to 5 are the words, and 6 is a control token without a text. */
const PROMPT_TOKENS = 53;
const WORDWISE: Tokenizer = {
  recount: async ({ tokens, text }) => ({
    inputTokens: PROMPT_TOKENS,
    outputText: tokens.some((token) => token > WORDS.length)
      ? null
      : tokens.map((token) => WORDS[token] ?? '').join(''),
    textTokens: text.match(/one |two |three |four |ä|\n|./gs)?.length ?? 0,
  }),
};

function delivered(
  tokens: readonly number[],
  {
    text = tokens.map((token) => WORDS[token] ?? '').join(''),
    ...more
  }: Partial<Delivered> & { text?: string } = {},
): Delivered {
  return {
    asked: { prompt: { kind: 'text', text: 'x' }, stop: [], choices: 1 },
    sha256: 'f',
    tokens,
    answers: [{ tokens, text }],
    textBytes: Buffer.byteLength(text),
    calls: 0,
    ...more,
  };
}

const honest = fc.array(fc.nat(WORDS.length - 1), { maxLength: 200 });

describe('bill check', () => {
  it('accepts every honest bill, with and without the model file (property)', async () => {
    await fc.assert(
      fc.asyncProperty(honest, async (tokens) => {
        const bill = { inputTokens: PROMPT_TOKENS, outputTokens: tokens.length };
        for (const tokenizer of [NOWHERE, WORDWISE]) {
          assert.equal(await billFlaw(bill, delivered(tokens), tokenizer), null);
        }
      }),
    );
  });

  it('refuses what was seen: 2,728 billed for an answer of 530, in each way to get there', async () => {
    const tokens = Array.from({ length: 100 }, (_, index) => index % 4);
    const padded = [...tokens, ...Array.from({ length: 2_000 }, () => 6)];
    const text = delivered(tokens).answers?.[0]?.text ?? '';
    const bill = (inputTokens: number, outputTokens: number) => ({ inputTokens, outputTokens });
    const inflatedInput = bill(PROMPT_TOKENS * 5, 100);
    assert.equal(await billFlaw(inflatedInput, delivered(tokens), NOWHERE), null, 'unknown without the file');
    assert.equal(await billFlaw(inflatedInput, delivered(tokens), WORDWISE), 'input-recount');
    const silent = delivered(padded, { text, textBytes: text.length });
    assert.equal(await billFlaw(bill(PROMPT_TOKENS, 2_100), silent, NOWHERE), 'output-bytes');
    const spelled = delivered(
      Array.from(text, () => 0),
      { text, textBytes: text.length },
    );
    assert.equal(await billFlaw(bill(PROMPT_TOKENS, text.length), spelled, WORDWISE), 'token-text');
    const withoutIds = { ...spelled, tokens: null };
    assert.equal(await billFlaw(bill(PROMPT_TOKENS, text.length), withoutIds, WORDWISE), 'output-recount');
  });

  it('never accepts more tokens than bytes, whatever the response (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', maxLength: 80 }),
        fc.nat(4_000),
        async (text, tokens) => {
          const textBytes = Buffer.byteLength(text);
          const flaw = await billFlaw(
            { inputTokens: 1, outputTokens: tokens },
            delivered([], { text, textBytes, tokens: null }),
            NOWHERE,
          );
          assert.equal(flaw, tokens > outputTokensMaxOf({ textBytes, calls: 0 }) ? 'output-bytes' : null);
        },
      ),
    );
  });

  it('compares token IDs with the text, and accepts a text that a stop string cuts off', async () => {
    const bill = { inputTokens: PROMPT_TOKENS, outputTokens: 2 };
    const cut = delivered([0, 2], { text: 'one th', textBytes: 6 });
    assert.equal(await billFlaw(bill, cut, WORDWISE), 'token-text');
    const asked = { ...cut.asked, stop: ['ree'] };
    assert.equal(await billFlaw(bill, { ...cut, asked }, WORDWISE), null);
    assert.equal(
      await billFlaw(bill, delivered([0, 99], { text: 'one ', textBytes: 4 }), WORDWISE),
      'token-text',
    );
  });
});

describe('bill check of choices and calls', () => {
  it('counts the prompt and the tokens of each choice, and the marks of each call', async () => {
    const two = delivered([0, 1, 2], {
      asked: { prompt: { kind: 'text', text: 'x' }, stop: [], choices: 2 },
      answers: [
        { tokens: [0, 2], text: 'one three ' },
        { tokens: [1], text: 'two ' },
      ],
    });
    const bill = { inputTokens: 2 * PROMPT_TOKENS, outputTokens: 3 };
    assert.equal(await billFlaw(bill, two, WORDWISE), null);
    assert.equal(await billFlaw({ ...bill, inputTokens: 3 * PROMPT_TOKENS }, two, WORDWISE), 'input-recount');
    const swapped = {
      ...two,
      answers: [...(two.answers ?? [])].map((answer) => ({ ...answer, text: 'one ' })),
    };
    assert.equal(await billFlaw(bill, swapped, WORDWISE), 'token-text');
    const call = delivered([], { text: 'one', tokens: null });
    const marked = { inputTokens: PROMPT_TOKENS, outputTokens: 60 };
    assert.equal(await billFlaw(marked, call, NOWHERE), 'output-bytes');
    assert.equal(await billFlaw(marked, { ...call, calls: 1 }, NOWHERE), null);
  });

  it('accepts a text that was too long to keep', async () => {
    const bill = { inputTokens: 9_999, outputTokens: 4 };
    assert.equal(
      await billFlaw(bill, delivered([0, 1], { answers: null, textBytes: 2_000_000 }), WORDWISE),
      null,
    );
  });
});

describe('token rates', () => {
  const usual: TokenSample = {
    inputTokens: 2_500,
    inputBytes: 10_000,
    outputTokens: 2_500,
    outputBytes: 10_000,
  };

  it('finds the provider that bills far more tokens per byte than the others of the same file', () => {
    const rates = createTokenRates();
    for (let round = 0; round < 3; round += 1) {
      for (const peer of ['a', 'b']) assert.equal(rates.add(peer, 'file', usual), false);
    }
    assert.equal(
      rates.add('greedy', 'file', { ...usual, outputTokens: 9_000 }),
      false,
      'one response proves nothing',
    );
    assert.equal(rates.add('greedy', 'file', { ...usual, outputTokens: 9_000 }), true);
    assert.equal(rates.add('a', 'file', usual), false, 'the others stay unsuspected');
    const wordy = { ...usual, inputTokens: 6_000 };
    rates.add('b', 'other file', wordy);
    assert.equal(rates.add('b', 'other file', wordy), false, 'other files aren’t compared');
  });

  it('suspects nobody by a single other provider, or for a difference as between languages', () => {
    const rates = createTokenRates();
    for (let round = 0; round < 3; round += 1) {
      rates.add('a', 'file', usual);
      assert.equal(rates.add('greedy', 'file', { ...usual, outputTokens: 9_000 }), false);
    }
    const three = createTokenRates();
    for (let round = 0; round < 3; round += 1) {
      three.add('a', 'file', usual);
      three.add('b', 'file', usual);
      assert.equal(three.add('c', 'file', { ...usual, outputTokens: 3_800 }), false);
    }
  });
});
