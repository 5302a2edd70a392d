/**
 * Verifies: the storefront's page for people says how many models it offers and how many requests are in progress.
 * Setup: the page for one model and for two.
 * Fails if: one of them is written in the plural, or several in the singular.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusPage } from '../../../main/core/storefront/status-page.ts';

test('counts models and requests in singular and plural', () => {
  const listed = { id: 'small', context_length: 8_192, pricing: { prompt: '0', completion: '0' } };
  type Parts = Parameters<typeof statusPage>[0];
  const page = (models: number, answering: number) =>
    statusPage({
      ...{ publicUrl: 'https://shop.example', answering, certificate: null },
      models: Array.from({ length: models }, () => listed as unknown as Parts['models'][number]),
    });
  assert.ok(page(1, 1).includes(' 1 model is offered; 1 request is in progress.'));
  assert.ok(page(2, 0).includes(' 2 models are offered; 0 requests are in progress.'));
});
