/**
 * Verifies: passphrases that are found quickly are refused, and those that password managers and word lists make aren't.
 * Setup: weak ones from lists of common passwords; random strong ones.
 * Fails if: a short, repeated or sequential passphrase may protect a wallet, or a strong one is refused.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { PASSPHRASE_LENGTH_MIN, passphraseWeakness } from '../../../shared/passphrase.ts';

test('refuses short, repetitive and sequential passphrases', () => {
  for (const weak of ['', 'secret', 'hunter2', 'password123', '           x           ']) {
    assert.equal(passphraseWeakness(weak), 'short', weak);
  }
  for (const weak of [
    'aaaaaaaaaaaaaaaa',
    'abababababababab',
    'AaBbAaBbAaBbAaBb',
    '12345678901234',
    'abcdefghijklm',
  ]) {
    assert.equal(passphraseWeakness(weak), 'repetitive', weak);
  }
  fc.assert(
    fc.property(fc.string({ maxLength: PASSPHRASE_LENGTH_MIN - 1 }), (text) => {
      assert.equal(passphraseWeakness(text), 'short');
    }),
  );
});

test('accepts words and random characters', () => {
  for (const strong of ['correct horse battery', 'an office pass phrase', 'ein langer Satz mit Wörtern']) {
    assert.equal(passphraseWeakness(strong), null, strong);
  }
  for (let number = 0; number < 200; number += 1) {
    assert.equal(passphraseWeakness(randomBytes(32).toString('base64url')), null);
  }
});
