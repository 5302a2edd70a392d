/**
 * Verifies: the reason of a choice, as a response header and in the records of jobs, is read as it was written.
 * Setup: properties over reasons and amounts.
 * Fails if: a page shows another reason or another amount than the gateway had, or breaks at any other note.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { CHOICE_REASONS, readChoice, writeChoice } from '../../../shared/choice-note.ts';

it('a written reason is read again, to two decimals (property)', () => {
  const amount = fc.integer({ min: 0, max: 10 ** 12 }).map((hundredths) => hundredths / 100);
  const note = fc.record({
    reason: fc.constantFrom(...CHOICE_REASONS),
    of: fc.nat(1_000_000),
    price: fc.oneof(amount, fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
    time: amount,
    failure: amount,
    standing: amount,
  });
  fc.assert(
    fc.property(note, (given) => {
      const written = writeChoice(given);
      assert.match(written, /^[\x20-\x7e]+$/, 'valid in a header');
      assert.deepEqual(readChoice(written), { ...given });
    }),
  );
});

it('a price beyond safe integers has no exponent', () => {
  const text = writeChoice({ reason: 'only', of: 1, price: 1e25, time: 0, failure: 0, standing: 0 });
  assert.match(text, /price=1\d{25};/);
  assert.equal(readChoice(text)?.price, 1e25);
});

it('other texts are no reason', () => {
  for (const text of ['', 'by owner', 'cheapest', 'best; of=7; price=45; time=0; failure=0; standing=0'])
    assert.equal(readChoice(text), null);
  fc.assert(
    fc.property(fc.string(), (text) => {
      readChoice(text);
    }),
  );
});
