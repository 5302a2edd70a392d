/**
 * Verifies: the longest known beginning of a conversation is found, at its last provider, within bounded memory.
 * Setup: the real map.
 * Fails if: a conversation is sent where its beginning isn't, or the map grows without bound.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createPrefixHolders } from '../../../main/core/gateway/prefix-holders.ts';

const MODEL = 'a-model';
const text = (content: string, model = MODEL) => ({
  model,
  prompt: { kind: 'text' as const, text: content },
});
const chat = (...contents: string[]) => ({
  model: MODEL,
  prompt: {
    kind: 'chat' as const,
    messages: contents.map((content) => ({ role: 'user' as const, content })),
  },
});
const sentence = (words: string, times = 30) => `${words} `.repeat(times);

it('finds the provider of the longest known beginning', () => {
  const holders = createPrefixHolders();
  const shared = sentence('the same beginning');
  holders.note(text(shared), 'short');
  holders.note(text(shared + sentence('of a longer one')), 'long');
  assert.equal(
    holders.find(text(shared + sentence('of a longer one') + sentence('and its end')))?.peer,
    'long',
  );
  assert.equal(
    holders.find(text(shared + sentence('but not this one')))?.peer,
    'long',
    'the last one of both',
  );
  assert.equal(holders.find(text(sentence('something else'))), null);
});

it('finds nothing for another model, another kind of prompt, or other messages of the same text', () => {
  const holders = createPrefixHolders();
  const content = sentence('one two');
  holders.note(chat(content, 'end'), 'peer');
  assert.ok(holders.find(chat(content, 'another end')));
  assert.equal(holders.find({ ...chat(content), model: 'another' }), null);
  assert.equal(holders.find(text(content)), null);
  assert.equal(holders.find(chat('one', content)), null);
});

it('ignores beginnings that are too short to matter', () => {
  const holders = createPrefixHolders();
  holders.note(chat('Hello'), 'peer');
  assert.equal(holders.find(chat('Hello')), null);
});

it('forgets what was used least recently, and keeps what is used', () => {
  const holders = createPrefixHolders();
  const long = (index: number) => text(`${index} ${sentence('a very long conversation', 1_000)}`);
  for (let index = 0; index < 400; index++) {
    holders.note(long(index), `${index}`);
    holders.note(long(0), 'kept');
  }
  assert.equal(holders.find(long(0))?.peer, 'kept');
  assert.equal(holders.find(long(399))?.peer, '399');
  assert.equal(holders.find(long(1)), null);
});
