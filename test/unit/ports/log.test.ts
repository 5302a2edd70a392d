/**
 * Verifies: a log level from outside is one of the known words, `info` when it isn't set, and an error otherwise.
 * Setup: the parser alone.
 * Fails if: a misspelled level silently turns the log off, or its error doesn't list the accepted values.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOG_THRESHOLDS, parseLogThreshold } from '../../../main/ports/log.ts';

test('accepts every level and silent, and defaults to info', () => {
  for (const threshold of LOG_THRESHOLDS) assert.equal(parseLogThreshold(threshold), threshold);
  assert.equal(parseLogThreshold(undefined), 'info');
  assert.equal(parseLogThreshold(''), 'info');
});

test('rejects any other text and lists the accepted ones', () => {
  for (const text of ['INFO', 'verbose', ' info', '0']) {
    assert.throws(() => parseLogThreshold(text), {
      code: 'bad-request',
      message: `Invalid log level "${text}". Use debug, info, warn, error or silent, in --log-level or IDLEWATT_LOG_LEVEL.`,
    });
  }
});
