/**
 * Verifies: the messages by which a machine has its addresses tested are those of AutoNAT version 2.
 * Setup: the messages alone, with bytes written by hand from the specification's field numbers.
 * Fails if: another implementation couldn't read them, or malformed bytes do more than throw.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  readNonce,
  readRequest,
  readResponse,
  writeNonce,
  writeRequest,
  writeResponse,
} from '../../../main/adapters/libp2p/dial-messages.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const of = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const NONCE = 0x0807060504030201n;

test('a question, a response and a nonce have the bytes of the specification', () => {
  const address = of('042d000065060fa1');
  assert.equal(
    hex(writeRequest({ addresses: [address], nonce: NONCE })),
    '0a13' + '0a08042d000065060fa1' + '110102030405060708',
  );
  assert.equal(hex(writeResponse({ status: 200, index: 0, dial: 100 })), '120708c8011000' + '1864');
  assert.equal(hex(writeNonce(NONCE)), '090102030405060708');
});

test('reads what others write, also without default values and with fields of later versions', () => {
  const request = readRequest(of('0a150a08042d000065060fa11101020304050607081807'));
  assert.deepEqual(request && { ...request, addresses: request.addresses.map(hex) }, {
    addresses: ['042d000065060fa1'],
    nonce: NONCE,
  });
  assert.deepEqual(readResponse(of('120308c801')), { status: 200, index: 0, dial: 0 });
  assert.equal(readRequest(writeResponse({ status: 200, index: 0, dial: 200 })), null);
  assert.equal(readResponse(writeRequest({ addresses: [], nonce: 1n })), null);
  assert.equal(readNonce(new Uint8Array()), 0n);
});

test('keeps every nonce', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (nonce) => {
      assert.equal(readNonce(writeNonce(nonce)), nonce);
      assert.equal(readRequest(writeRequest({ addresses: [], nonce }))?.nonce, nonce);
    }),
  );
});

test('malformed bytes throw an error at most, and no more than eight addresses are read', () => {
  const many = Array.from({ length: 100 }, () => of('04'));
  assert.equal(readRequest(writeRequest({ addresses: many, nonce: 1n }))?.addresses.length, 8);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const read of [readRequest, readResponse, readNonce]) {
        try {
          read(bytes);
        } catch (error) {
          assert.ok(error instanceof Error);
        }
      }
    }),
  );
});
