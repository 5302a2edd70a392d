/**
 * Goal: the shapes from which speeds are predicted are those of the catalogue's files. Method: what a shape
 * says of the file's size and of the memory for context is compared with what the catalogue states of both.
 * What would break: a wrong layer count, width or vocabulary, and every prediction for that model with it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { matricesOf, tensorBytes } from '../../../main/core/gguf/index.ts';
import { CATALOGUE, modelFacts } from '../../../main/core/models/index.ts';

/** What norms, biases and mixtures of other versions may differ. */
const SIZE_SHARE = 0.01;
/** A token, its merge and their lengths. */
const TOKENIZER_BYTES_PER_TOKEN_MAX = 48;

describe('the published configurations', () => {
  for (const { id, sizeBytes, contextBytesPerToken } of CATALOGUE) {
    it(`of ${id} agrees with its file`, () => {
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

  it('knows nothing of a model that is not in the catalogue', () => {
    assert.equal(modelFacts('toString'), null);
  });
});
