// Verifies: the search matches beginnings of words in any case and without accents.
// Setup: texts and queries.
// Fails if: a word in the middle of a label, an accent or a capital letter hides a setting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matches } from '../../../renderer/search-places.ts';

test('each word of the query begins a word of the text', () => {
  for (const query of ['payout', 'PAY thr', 'threshold payout', ''])
    assert.ok(matches('Payout threshold', query), query);
  for (const query of ['ayout', 'payout x']) assert.ok(!matches('Payout threshold', query), query);
  assert.ok(matches('Límite de potencia', 'limite'));
  assert.ok(matches('Prix de l’électricité', 'electr'));
});
