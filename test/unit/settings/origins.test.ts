/**
 * Verifies: an address that a person types or copies becomes the origin that a browser sends, and only an origin is
 * stored.
 * Setup: examples.
 * Fails if: a wildcard, a path or a name without a scheme could be allowed, or an extension's page could not.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originOf } from '../../../renderer/origin.ts';
import { settingsSchema } from '../../../shared/settings.ts';

const isStored = (text: string) => settingsSchema.shape.gatewayOrigins.element.safeParse(text).success;

test('an address becomes its origin', () => {
  const origins = {
    ' https://Chat.example.org/app?x=1#y ': 'https://chat.example.org',
    'http://localhost:3000/': 'http://localhost:3000',
    'https://example.org:443': 'https://example.org',
    'https://me:secret@example.org/': 'https://example.org',
    'chrome-extension://abcdefgh/page.html': 'chrome-extension://abcdefgh',
  };
  for (const [typed, origin] of Object.entries(origins)) {
    assert.equal(originOf(typed), origin);
    assert.ok(isStored(origin), origin);
  }
});

test('a text that is no origin is not stored', () => {
  const wrong = ['*', '', 'null', 'example.org', 'https://*.example.org', 'https://%2A.example.org'];
  for (const typed of [...wrong, 'file:///home', 'data:text/html,x', 'https://a b', 'https://a@b']) {
    const stored = typed === 'https://a@b' ? typed : originOf(typed);
    assert.ok(!isStored(stored), `${typed}: ${stored}`);
  }
});
