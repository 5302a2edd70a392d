/**
 * Verifies: deeply nested JSON is refused before anything recurses, and all other JSON is parsed as by JSON.parse.
 * Setup: random JSON; nesting at the limit, beyond it, and so deep that recursion overflows the stack.
 * Fails if: a request of a stranger overflows the stack, or brackets in a string count as nesting.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isDeepJson, JSON_DEPTH_MAX, parseJson } from '../../../shared/json.ts';

const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth);

test('parses what JSON.parse parses, and refuses what it refuses', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 20 }), (text) => {
      assert.deepEqual(parseJson(text), JSON.parse(text));
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const outcome = (parse: (text: string) => unknown) => {
        try {
          return JSON.stringify(parse(text));
        } catch (error) {
          assert.ok(error instanceof SyntaxError);
          return 'refused';
        }
      };
      assert.equal(outcome(parseJson), outcome(JSON.parse));
    }),
  );
});

test('refuses nesting beyond the limit, of any size and kind', () => {
  assert.deepEqual(parseJson(nested(JSON_DEPTH_MAX)), JSON.parse(nested(JSON_DEPTH_MAX)));
  const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  assert.doesNotThrow(() => parseJson(objects(JSON_DEPTH_MAX)));
  for (const deep of [
    nested(JSON_DEPTH_MAX + 1),
    objects(JSON_DEPTH_MAX + 1),
    nested(500_000),
    '['.repeat(1_000_000),
  ]) {
    assert.throws(() => parseJson(deep), SyntaxError);
  }
  assert.throws(() => JSON.stringify(JSON.parse(nested(500_000))), RangeError, 'such JSON overflows a stack');
});

test('brackets in strings, even after escaped quotes, are text', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(isDeepJson(JSON.stringify([`${'["\\{'.repeat(JSON_DEPTH_MAX)}${text}`])), false);
    }),
  );
});
