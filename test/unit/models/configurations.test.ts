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

/** Models whose layers the cost model doesn't cover: hybrids, a quantization of its own, and those that generate nothing. */
const UNCOVERED = [
  'nomic-embed-text-v1.5',
  'bge-m3',
  'qwen3-embedding-0.6b',
  'qwen3.5-9b',
  'gpt-oss-20b',
  'qwen3.6-27b',
];

describe('published configurations', () => {
  it('are known for each model that the cost model covers', () => {
    const without = CATALOGUE.filter(({ id }) => modelFacts(id) === null).map(({ id }) => id);
    assert.deepEqual(without, UNCOVERED);
  });

  for (const { id, sizeBytes, contextBytesPerToken } of CATALOGUE) {
    if (UNCOVERED.includes(id)) continue;
    it(`${id} matches its file`, () => {
      const facts = modelFacts(id);
      assert.ok(facts !== null && sizeBytes !== null);
      const { layers, keyHeads, headWidth, vocabulary } = facts.configuration;
      assert.equal(contextBytesPerToken, layers * 2 * keyHeads * headWidth * 2);
      const bytes = matricesOf(facts.configuration, facts.mixture)
        .map(({ type, inputs, outputs, experts }) =>
          tensorBytes(type, [inputs, outputs, experts?.count ?? 1]),
        )
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
