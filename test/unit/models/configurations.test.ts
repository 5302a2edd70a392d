/**
 * Verifies: the configurations used for predictions are those of the catalog's files.
 * Setup: compares file size and context memory computed from the configuration with the values in the catalog.
 * Fails if: a layer count, width or vocabulary is wrong, and with it every prediction for that model.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { matricesOf, tensorBytes } from '../../../main/core/gguf/index.ts';
import { CATALOGUE, modelFacts } from '../../../main/core/models/index.ts';

/** Tolerance for norms, biases and mixtures of other versions. */
const SIZE_SHARE = 0.01;
/** Bytes of a token, its merge and their lengths. */
const TOKENIZER_BYTES_PER_TOKEN_MAX = 48;

describe('published configurations', () => {
  for (const { id, sizeBytes, contextBytesPerToken } of CATALOGUE) {
    it(`${id} matches its file`, () => {
      const facts = modelFacts(id);
      assert.ok(facts !== null && sizeBytes !== null);
      const { layers, keyHeads, headWidth, vocabulary } = facts.configuration;
      assert.equal(contextBytesPerToken, layers * 2 * keyHeads * headWidth * 2);
      const bytes = matricesOf(facts.configuration, facts.mixture)
        .map(({ type, inputs, outputs }) => tensorBytes(type, [inputs, outputs]))
        .reduce((sum, each) => sum + each, 0);
      const missing = sizeBytes - bytes;
      assert.ok(missing > -sizeBytes * SIZE_SHARE, `${bytes} is more than the file's ${sizeBytes}`);
      assert.ok(
        missing < sizeBytes * SIZE_SHARE + vocabulary * TOKENIZER_BYTES_PER_TOKEN_MAX,
        `${bytes} is less than ${sizeBytes}`,
      );
    });
  }

  it('returns null for a model that is not in the catalog', () => {
    assert.equal(modelFacts('toString'), null);
  });
});
