/**
 * Verifies: a wrong parameter is refused with a sentence that says what is allowed, in the words of the interface.
 * Setup: request bodies with one mistake each, of every kind of schema.
 * Fails if: a client reads the schema library's own words, or a text that doesn't say what to change.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAppError } from '../../../shared/errors.ts';
import { readCompletion } from '../../../shared/openai.ts';

const BASE = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const CASES: readonly [object, string][] = [
  [{ model: undefined }, 'Invalid "model": is required.'],
  [{ model: 5 }, 'Invalid "model": must be a string.'],
  [{ model: '' }, 'Invalid "model": must not be empty.'],
  [{ model: 'x'.repeat(201) }, 'Invalid "model": must have at most 200 characters.'],
  [{ messages: 'Hi' }, 'Invalid "messages": must be a list.'],
  [{ messages: [] }, 'Invalid "messages": must not be empty.'],
  [{ messages: Array(2_001).fill(BASE.messages[0]) }, 'Invalid "messages": must have at most 2000 items.'],
  [{ messages: [null] }, 'Invalid "messages.0": must be an object.'],
  [
    { messages: [{ role: 'robot', content: 'a' }] },
    'Invalid "messages.0.role": must be one of "system", "developer", "user", "assistant", "tool".',
  ],
  [{ max_tokens: -1 }, 'Invalid "max_tokens": must be at least 1.'],
  [{ max_tokens: 1e9 }, 'Invalid "max_tokens": must be at most 1000000.'],
  [{ max_tokens: '5' }, 'Invalid "max_tokens": must be a number.'],
  [{ max_tokens: 1.5 }, 'Invalid "max_tokens": must be a whole number.'],
  [{ stream: 'yes' }, 'Invalid "stream": must be true or false.'],
  [{ stop: Array(9).fill('a') }, 'Invalid "stop": must have at most 4 items.'],
  [{ stop: 5 }, 'Invalid "stop": must be a string or a list.'],
  [{ stop: [''] }, 'Invalid "stop.0": must not be empty.'],
  [{ logit_bias: { a: 1 } }, 'Invalid "logit_bias.a": must have token IDs as keys.'],
  [{ logit_bias: { 1: 101 } }, 'Invalid "logit_bias.1": must be at most 100.'],
];

for (const [more, sentence] of CASES) {
  test(`refuses ${JSON.stringify(more).slice(0, 60)} with a sentence of its own`, () => {
    assert.throws(
      () => readCompletion('chat', { ...BASE, ...more }),
      (error) => {
        assert.ok(isAppError(error, 'bad-request'));
        assert.equal(error.message, sentence);
        return true;
      },
    );
  });
}
