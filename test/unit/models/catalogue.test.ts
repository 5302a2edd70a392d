/**
 * Verifies: the catalog is complete, its table has the promised form, and its tiny model is the one that the script generates.
 * Setup: checks of each entry and each row against a schema, and one run of the script.
 * Fails if: a download could never be verified, a license forbids to sell answers, or the test model cannot be reproduced.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { z } from 'zod';
import {
  CATALOGUE,
  DEFAULT_MODEL_ID,
  FACTS_DATE,
  fit,
  HUB_MODELS,
  requiredBytes,
  TINY_MODEL_ID,
} from '../../../main/core/models/index.ts';
import { buildTinyModel, trainTinyModel } from '../../../scripts/generators/make-tiny-model.ts';
import { forceUnwrap } from '../../../shared/assert.ts';
import { modelStrengthSchema } from '../../../shared/model-files.ts';

const tiny = forceUnwrap(
  'the tiny model',
  CATALOGUE.find(({ id }) => id === TINY_MODEL_ID),
);

const rowSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9.-]+$/),
  name: z.string().min(1),
  publisher: z.string().min(1),
  license: z.enum(['Apache-2.0', 'MIT']),
  released: z.number().int().min(2024).max(2026),
  parameters: z.string().regex(/^\d+(\.\d)?[MB]$/),
  activeParameters: z
    .string()
    .regex(/^\d+(\.\d)?B$/)
    .optional(),
  quantisation: z.string().min(1),
  strengths: z.array(modelStrengthSchema).min(1),
  contextTokens: z.number().int().min(2_048).max(262_144),
  contextBytesPerToken: z.number().int().positive().multipleOf(256),
  sizeBytes: z.number().int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  revision: z.string().regex(/^[0-9a-f]{40}$/),
  fileName: z.string().regex(/^[\w.-]+\.gguf$/),
  statedBy: z.number().int().positive(),
});

describe('catalog', () => {
  it('has a table of rows in one form, the smallest file first', () => {
    for (const row of HUB_MODELS) rowSchema.parse(row);
    assert.match(FACTS_DATE, /^\d{4}-\d{2}-\d{2}$/);
    const sizes = HUB_MODELS.map(({ sizeBytes }) => sizeBytes);
    assert.deepEqual(
      sizes,
      sizes.toSorted((left, right) => left - right),
    );
    assert.equal(new Set(HUB_MODELS.map(({ sha256 }) => sha256)).size, HUB_MODELS.length);
  });

  it('names embedding models as such: they are the only ones that don’t chat', () => {
    for (const { id, use, strengths = [] } of CATALOGUE) {
      assert.equal(use === 'embedding', strengths.includes('embedding'), id);
      assert.ok(!strengths.includes('embedding') || strengths.length === 1, id);
    }
  });

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
    const fitIn = (machineBytes: number | null) => fit(tiny, { machineBytes, graphicsBytes: null });
    assert.equal(fitIn(required * 2), 'fits');
    assert.equal(fitIn(Math.ceil(required / 0.9)), 'tight');
    assert.equal(fitIn(required), 'does-not-fit');
    assert.equal(fitIn(null), 'unknown');
    assert.equal(
      fit({ ...tiny, sizeBytes: null }, { machineBytes: required, graphicsBytes: required }),
      'unknown',
    );
  });

  it('counts the memory of the GPUs first, and what exceeds it as computed on the CPU', () => {
    const required = forceUnwrap('a size', requiredBytes(tiny));
    const fitIn = (graphicsShare: number, machineShare: number | null) =>
      fit(tiny, {
        graphicsBytes: Math.ceil(required / graphicsShare),
        machineBytes: machineShare === null ? null : Math.ceil(required / machineShare),
      });
    assert.equal(fitIn(0.84, 9), 'fits', 'whatever else the machine has');
    assert.equal(fitIn(0.9, 0.1), 'tight');
    assert.equal(fitIn(1, 0.5), 'partly');
    assert.equal(fitIn(1, 0.9), 'partly');
    assert.equal(fitIn(1, 1), 'does-not-fit');
    assert.equal(fitIn(1, null), 'unknown');
  });
});
