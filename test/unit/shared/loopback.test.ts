/**
 * Verifies: only the names of loopback itself pass, with or without a port and in any case.
 * Setup: Host headers as browsers and attackers send them.
 * Fails if: a name that merely resolves to loopback, or contains a loopback name, passes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopbackHost } from '../../../shared/loopback.ts';

test('accepts 127.0.0.1, localhost and [::1], with and without a port', () => {
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '127.0.0.1:80', 'LocalHost:65535', '[::1]:8080']) {
    assert.equal(isLoopbackHost(host), true, host);
  }
});

test('rejects every other name', () => {
  const hosts = [
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example:80',
    '127.0.0.2',
    '0.0.0.0',
  ];
  for (const host of [...hosts, '::1', 'localhost:', 'localhost:80:80', 'localhost:123456', undefined]) {
    assert.equal(isLoopbackHost(host), false, host);
  }
});
