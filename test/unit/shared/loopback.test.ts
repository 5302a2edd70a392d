/**
 * Verifies: only the names of loopback itself pass, with or without a port and in any case; requests of web pages don't.
 * Setup: headers as programs, browsers and attackers send them.
 * Fails if: a name that merely resolves to loopback, or contains a loopback name, passes, or a page's request does.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isLoopbackHost, loopbackRefusal } from '../../../shared/loopback.ts';

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

const refusal = (headers: Record<string, string>, method = 'POST') =>
  loopbackRefusal({
    method,
    header: (name) => ({ host: '127.0.0.1:8545', 'content-type': 'application/json', ...headers })[name],
  });

test('admits programs, with JSON in any spelling', () => {
  assert.equal(refusal({}), null);
  assert.equal(refusal({ 'content-type': 'Application/JSON; charset=utf-8' }), null);
  assert.equal(refusal({ 'sec-fetch-site': 'none', 'content-type': '' }, 'GET'), null);
});

test('refuses every origin, every fetch of a page, and every other content type', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constantFrom('null', '', 'http://127.0.0.1:8545')), (origin) => {
      assert.equal(refusal({ origin }), 'origin');
    }),
  );
  for (const site of ['cross-site', 'same-site', 'same-origin', '']) {
    assert.equal(refusal({ 'sec-fetch-site': site }, 'GET'), 'origin', site);
  }
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', ''];
  for (const type of [...types, 'application/jsonx', 'text/plain; application/json']) {
    assert.equal(refusal({ 'content-type': type }), 'content-type', type);
  }
  assert.equal(refusal({ host: 'rebound.example' }), 'host');
});
