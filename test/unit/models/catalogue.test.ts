/**
 * Verifies: the catalog is complete and its tiny model is the one that the script generates.
 * Setup: checks of each entry, and one run of the script.
 * Fails if: a download could never be verified, or the test model cannot be reproduced.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  CATALOGUE,
  DEFAULT_MODEL_ID,
  fit,
  requiredBytes,
  TINY_MODEL_ID,
} from '../../../main/core/models/index.ts';
import { buildTinyModel, trainTinyModel } from '../../../scripts/generators/make-tiny-model.ts';
import { forceUnwrap } from '../../../shared/assert.ts';

const tiny = forceUnwrap(
  'the tiny model',
  CATALOGUE.find(({ id }) => id === TINY_MODEL_ID),
);

describe('catalog', () => {
  it('has distinct models with license, size, checksum and sources', () => {
    assert.equal(new Set(CATALOGUE.map(({ id }) => id)).size, CATALOGUE.length);
    assert.equal(new Set(CATALOGUE.map(({ fileName }) => fileName)).size, CATALOGUE.length);
    for (const entry of CATALOGUE) {
      assert.match(entry.sha256 ?? '', /^[0-9a-f]{64}$/, entry.id);
      assert.ok((entry.sizeBytes ?? 0) > 0 && entry.license !== '' && entry.sources.length > 0, entry.id);
      for (const source of entry.sources) {
        // Requires a pinned revision, so that the file at the URL cannot change.
        if (source.kind === 'https')
          assert.match(source.url, /^https:\/\/.*\/resolve\/[0-9a-f]{40}\/.*\.gguf$/);
      }
    }
  });

  it('the default model has a second source for machines that can only reach package indexes', () => {
    const kinds = CATALOGUE.find(({ id }) => id === DEFAULT_MODEL_ID)?.sources.map(({ kind }) => kind);
    assert.deepEqual(kinds, ['https', 'pypi']);
  });

  it('the tiny model is reproducible byte for byte and equals the file in the repository', () => {
    const made = trainTinyModel();
    assert.equal(createHash('sha256').update(made).digest('hex'), tiny.sha256);
    assert.equal(made.length, tiny.sizeBytes);
    assert.ok(made.length <= 4 * 1024 * 1024);
    const committed = readFileSync(new URL('../../../resources/models/idlewatt-tiny.gguf', import.meta.url));
    assert.ok(committed.equals(made));
    assert.ok(buildTinyModel({}).equals(made), 'variants for tests have the same weights');
  });
});

describe('fit', () => {
  it('requires memory for weights, context and compute buffers', () => {
    const required = forceUnwrap('a size', requiredBytes(tiny));
    assert.ok(required > (tiny.sizeBytes ?? 0));
    assert.equal(fit(tiny, required * 2), 'fits');
    assert.equal(fit(tiny, Math.ceil(required / 0.9)), 'tight');
    assert.equal(fit(tiny, required), 'does-not-fit');
    assert.equal(fit(tiny, null), 'unknown');
    assert.equal(fit({ ...tiny, sizeBytes: null }, required), 'unknown');
  });
});
