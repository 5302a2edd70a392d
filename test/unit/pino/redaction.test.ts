/**
 * Verifies: no secret, prompt or answer gets into a line, at any depth and in any spelling, while identifiers that
 * a reader needs stay whole.
 * Setup: the redaction alone, with chosen cases and with random objects that have a secret planted in them.
 * Fails if: a planted secret is found in the output, a hash in its own field is hidden, an odd value throws.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HDNodeWallet } from 'ethers';
import fc from 'fast-check';
import { describeError, redactFields } from '../../../main/adapters/pino/redaction.ts';
import { redactText } from '../../../main/adapters/pino/secret-shapes.ts';
import { AppError } from '../../../shared/errors.ts';

const HEX = '0123456789abcdef'.repeat(4);
const SECRET_NAMES = [
  ...[
    'key',
    'privateKey',
    'private_key',
    'PRIVATE-KEY',
    'passphrase',
    'password',
    'phrase',
    'mnemonic',
    'words',
  ],
  ...[
    'token',
    'terminalToken',
    'secret',
    'authorization',
    'Cookie',
    'prompt',
    'messages',
    'content',
    'answer',
  ],
  ...[
    'text',
    'completion',
    'body',
    'signature',
    'voucher',
    'keystore',
    'entropy',
    'exportPassphrase',
    'apiKey',
  ],
];

const written = (fields: Record<string, unknown>) => JSON.stringify(redactFields(fields));

test('a value under a name of secrets or contents is hidden, at any depth and of any type', () => {
  for (const name of SECRET_NAMES) {
    for (const value of ['hunter2', ['hunter2'], { a: { b: 'hunter2' } }, new Map([['a', 'hunter2']])]) {
      assert.ok(!written({ a: [{ b: { [name]: value } }] }).includes('hunter2'), name);
    }
  }
});

test('counts under names of contents stay readable, numbers under names of secrets do not', () => {
  assert.deepEqual(
    redactFields({ words: 12, text: 3, outputTokens: 20, passphrase: 1234, key: null, token: true }),
    {
      words: 12,
      text: 3,
      outputTokens: 20,
      passphrase: '[redacted]',
      key: null,
      token: true,
    },
  );
});

test('hashes stay readable in fields named for them, and only there', () => {
  const hash = `0x${HEX}`;
  const named = { transaction: hash, channelId: hash, sha256: HEX, txHash: hash, channels: [hash, hash] };
  assert.deepEqual(redactFields(named), named);
  assert.deepEqual(redactFields({ other: hash, hash: `${hash} ${hash}` }), {
    other: '[redacted]',
    hash: '[redacted] [redacted]',
  });
  const address = `0x${'Ab'.repeat(20)}`;
  assert.deepEqual(redactFields({ to: address, note: `sent to ${address}.` }), {
    to: address,
    note: `sent to ${address}.`,
  });
});

test('texts lose keys, tokens, signed texts, credentials and phrases', () => {
  const phrase = HDNodeWallet.createRandom().mnemonic?.phrase ?? '';
  const words = phrase.split(' ');
  const hidden: [text: string, secret: string][] = [
    [`key ${HEX}!`, HEX],
    [`0X${HEX.toUpperCase()}`, HEX.toUpperCase()],
    ['authorization: Bearer abc.def-ghi', 'abc.def-ghi'],
    ['eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl', 'c2lnbmF0dXJl'],
    ['GET http://127.0.0.1/#token=abcd1234', 'abcd1234'],
    ['{"passphrase":"correct horse battery"}', 'horse'],
    ['passphrase: correct horse battery', 'horse'],
    ['https://user:hunter2@node.example/', 'hunter2'],
    [Buffer.from(HEX, 'hex').toString('base64'), Buffer.from(HEX, 'hex').toString('base64').slice(0, 20)],
    [[...Buffer.from(HEX, 'hex')].join(','), '137,171,205,239'],
    ['-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----', 'MIGH'],
    [phrase, words.slice(0, 3).join(' ')],
    [words.map((word, index) => `${index + 1}. ${word}`).join('\n'), words.slice(-1)[0] ?? ''],
    [JSON.stringify(words), words[0] ?? ''],
  ];
  for (const [text, secret] of hidden) {
    assert.ok(!redactText(`before ${text} after`).includes(secret), text);
  }
});

test('hides the text that V8 quotes in an error about invalid JSON', () => {
  for (const text of [
    'a private question',
    'Tell me, "friend", about the thing that I asked yesterday evening',
  ]) {
    const error = (() => {
      try {
        return JSON.parse(text);
      } catch (thrown) {
        return thrown;
      }
    })();
    const line = JSON.stringify(describeError(error));
    assert.match(line, /is not valid JSON/);
    for (const word of text.split(' ').filter((part) => part.length > 4)) {
      assert.ok(!line.includes(word), `${word} in ${line}`);
    }
  }
});

test('plain sentences, paths, versions and addresses are unchanged', () => {
  for (const text of [
    'Serving tiny on cpu with 4 threads.',
    'connect ECONNREFUSED 127.0.0.1:8545',
    'at Object.open (/opt/idlewatt/main/adapters/sqlite/index.ts:120:15)',
    'Idlewatt 0.1.0, Node.js v24.21.0',
    '/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWGRUwdbZfFnwgnYbQfVTZ8UMFsbSKTCxSoxr5V2TnBjPG',
    '2026-11-29T07:10:05.123Z',
    '3f2c8a4e-8f4b-4a51-9df5-1f5c9a0f2b11',
  ]) {
    assert.equal(redactText(text), text);
  }
});

test('errors keep name, message, code, details, stack and causes, redacted', () => {
  const cause = new Error(`inner ${HEX}`);
  const error = new AppError('chain-unavailable', 'The node is away.', {
    cause,
    details: { url: 'x', key: 'y' },
  });
  const described = describeError(error) as Record<string, unknown> & { cause: { message: string } };
  assert.equal(described.name, 'AppError');
  assert.equal(described.code, 'chain-unavailable');
  assert.deepEqual(described.details, { url: 'x', key: '[redacted]' });
  assert.match(String(described.stack), /redaction\.test\.ts/);
  assert.equal(described.cause.message, 'inner [redacted]');
  assert.equal(describeError('thrown text'), 'thrown text');
});

test('circles, depth, size, binary data and odd types are bounded', () => {
  const circle: Record<string, unknown> = { a: 1n, b: Number.NaN, c: () => 1, d: Buffer.from(HEX, 'hex') };
  circle.self = circle;
  circle.bytes = [...Buffer.from(HEX, 'hex')];
  circle.wide = Object.fromEntries(
    Array.from({ length: 1_000 }, (_, index) => [`n${index}`, 'x'.repeat(10_000)]),
  );
  circle.huge = 2n ** 200n;
  const line = written(circle);
  assert.ok(line.length < 60_000, String(line.length));
  assert.match(line, /too deep/);
  assert.match(line, /"d":"\[32 bytes\]"/);
  assert.match(line, /"bytes":"\[32 numbers\]"/);
  assert.match(line, /"huge":"\[redacted\]"/);
  assert.match(line, /"omitted":950/);
});

test('a long text is cut, and no part of a secret survives at the cut', () => {
  for (let offset = 15_900; offset <= 16_000; offset += 5) {
    const text = `${'. '.repeat(offset / 2)}${HEX} ${'. '.repeat(2_000)}`;
    const line = redactText(text);
    assert.ok(line.length < 4_100);
    assert.ok(!line.includes(HEX.slice(0, 16)), String(offset));
  }
});

test('hostile texts are searched in a bounded time', () => {
  const units = [
    'x',
    'a ',
    'key=',
    '"',
    "key='",
    '://a',
    '1,',
    'Bearer ',
    '-----BEGIN ',
    'ey',
    'abc\u0000',
    'f',
    '-',
    'aB1',
  ];
  for (const unit of units) {
    const text = unit.repeat(100_000);
    const startMs = performance.now();
    redactText(text);
    const durationMs = performance.now() - startMs;
    assert.ok(durationMs < 300, `${unit}: ${durationMs} ms`);
  }
});

test('a planted secret never comes out of a random object', () => {
  const secret = fc.oneof(
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `0x${Buffer.from(bytes).toString('hex')}`),
    fc.constantFrom('Bearer ', 'Basic ').map((scheme) => `${scheme}${'q7Z'.repeat(9)}`),
    fc.nat().map(() => HDNodeWallet.createRandom().mnemonic?.phrase ?? ''),
  );
  const surroundings = fc.string({ maxLength: 40 }).map((text) => text.replaceAll(/[0-9a-z]/gi, '-'));
  const wrap = fc.array(fc.constantFrom('object', 'list', 'map', 'error', 'set'), { maxLength: 4 });
  fc.assert(
    fc.property(secret, surroundings, surroundings, wrap, (planted, before, after, wrappings) => {
      let value: unknown = `${before} ${planted} ${after}`;
      for (const wrapping of wrappings) value = wrapped(wrapping, value);
      const line = written({ value });
      const heart = planted.replace(/^(Bearer|Basic) /, '').slice(2, 34);
      assert.ok(!line.includes(heart), line);
    }),
    { numRuns: 300 },
  );
});

test('a secret under one of the known names never comes out, whatever its type', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...SECRET_NAMES),
      fc.string({ minLength: 6 }),
      fc.anything(),
      (name, text, other) => {
        const marked = `<<${text}>>`;
        const line = written({ other, inner: { [name]: marked } });
        assert.ok(!line.includes(JSON.stringify(marked).slice(1, -1)));
      },
    ),
    { numRuns: 300 },
  );
});

function wrapped(wrapping: string, value: unknown): unknown {
  switch (wrapping) {
    case 'object':
      return { inner: value };
    case 'list':
      return [value];
    case 'map':
      return new Map([['inner', value]]);
    case 'set':
      return new Set([value]);
    default:
      return new Error(typeof value === 'string' ? value : 'outer', { cause: value });
  }
}
