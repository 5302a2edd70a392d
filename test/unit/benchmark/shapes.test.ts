/**
 * Verifies: the shape of a model that isn't downloaded is the published one, and there is none for a model that GPU and CPU
 *   would share.
 * Setup: a store of models that reports a chosen fit.
 * Fails if: a speed is predicted for a model that doesn't fit into the GPU, as if it did.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createShapes } from '../../../main/core/benchmark/index.ts';
import type { StoredModel } from '../../../main/core/models/index.ts';

function shapeWith(fit: StoredModel['fit'], id = 'qwen3-8b') {
  const model = { id, fit, state: 'absent' } as StoredModel;
  const models = { list: () => [model], ensure: () => assert.fail(), onChange: () => () => undefined };
  const shapes = createShapes(models, () => assert.fail());
  const shape = shapes.shape(id);
  shapes.close();
  return shape;
}

it('has the published shape of a model that one kind of device computes', () => {
  for (const fit of ['fits', 'tight', 'does-not-fit', 'unknown'] as const)
    assert.equal(shapeWith(fit)?.layers, 36);
  assert.equal(shapeWith('partly'), null);
  assert.equal(shapeWith('fits', 'gpt-oss-20b'), null);
});
