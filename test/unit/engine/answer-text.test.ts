/**
 * Verifies: text is delivered once it is final, and stop strings are never delivered.
 * Setup: a byte-wise detokenizer, examples and properties.
 * Fails if: incomplete characters or stop strings are delivered, or tokens are counted that were not delivered.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createAnswerText } from '../../../main/adapters/llama/answer-text.ts';

/** One token is one byte, the most demanding tokenizer. */
const bytesToText = (tokens: readonly number[]) => Buffer.from(tokens).toString('utf8');

function run(text: string, stop: string[]) {
  const answer = createAnswerText(stop, bytesToText);
  const pieces: string[] = [];
  const tokens: number[] = [];
  for (const token of Buffer.from(text, 'utf8')) {
    const { piece, stopped } = answer.push(token);
    if (piece) {
      pieces.push(piece.text);
      tokens.push(...piece.tokens);
    }
    if (stopped) return { pieces, text: pieces.join(''), tokens, stopped };
  }
  const rest = answer.flush();
  if (rest) {
    pieces.push(rest.text);
    tokens.push(...rest.tokens);
  }
  return { pieces, text: pieces.join(''), tokens, stopped: false };
}

describe('answer text', () => {
  it('holds back incomplete characters and delivers them whole', () => {
    const { pieces, tokens } = run('aé€😀', []);
    assert.deepEqual(pieces, ['a', 'é', '€', '😀']);
    assert.equal(tokens.length, 10);
  });

  it('stops before a stop string and counts only the tokens before it', () => {
    const { text, tokens, stopped } = run('one END two', ['END']);
    assert.deepEqual([text, tokens.length, stopped], ['one ', 4, true]);
  });

  it('releases text that only began like a stop string', () => {
    assert.equal(run('EN EN ENT END', ['END!']).text, 'EN EN ENT END');
  });

  it('stops at the earliest of several stop strings', () => {
    assert.equal(run('ab cd ef', ['ef', 'cd']).text, 'ab ');
  });

  it('delivers the first part of a token that reaches into the stop string', () => {
    const words = ['Hello', ' wor', 'ld\nUser', ': hi'];
    const answer = createAnswerText(['\nUser:'], (tokens) =>
      tokens.map((token) => words[token] ?? '').join(''),
    );
    const out = words.map((_, token) => answer.push(token));
    assert.deepEqual(out[0]?.piece, { text: 'Hello', tokens: [0] });
    assert.deepEqual(out[1]?.piece, { text: ' wor', tokens: [1] });
    assert.equal(out[2]?.piece, null);
    assert.deepEqual(out[3], { piece: { text: 'ld', tokens: [2] }, stopped: true });
  });

  it('delivers invalid bytes at the end instead of holding them forever', () => {
    const answer = createAnswerText([], bytesToText);
    const pieces = [0xff, 0xff, 0xff, 0xff].map((token) => answer.push(token).piece);
    assert.equal(pieces.at(-1)?.tokens.length, 4);
  });

  it('loses or changes nothing without a stop string, and nothing before the first one', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀', ' ') });
    const stop = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'é'), minLength: 1, maxLength: 4 }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(text, stop, (value, stops) => {
        const found = stops.map((word) => value.indexOf(word)).filter((at) => at >= 0);
        const result = run(value, stops);
        // The stop string that is complete first ends the response; it may begin after the beginning of another.
        for (const word of stops) assert.ok(!result.text.includes(word));
        if (found.length === 0) assert.equal(result.text, value);
        else assert.ok(value.startsWith(result.text) && result.stopped);
        assert.equal(bytesToText(result.tokens).startsWith(result.text), true);
      }),
    );
  });
});
